$(eval $(call library,ctl,kinds.c suggest.c describe.c conf.c conf-value.c conf-check.c bundle.c port.c))
$(eval $(call unit,tests/unit/conf.c,ctl services,-linih))

# What mailctl knows of the services: every services/NAME/service.c and the list of them, apart from the
# daemons in the same folders. Programs that need it are linked with $(KINDS), behind ctl.
KIND_SOURCES := $(sort $(wildcard services/*/service.c))
KINDS := kinds $(patsubst %/service.c,%,$(KIND_SOURCES)) services
$(call archive,kinds): $(B)/obj/gen/kinds.o $(call objects,$(KIND_SOURCES))
OBJECTS += $(B)/obj/gen/kinds.o $(call objects,$(KIND_SOURCES))

$(eval $(call program,gen/conftables,ctl/conftables.c,ctl $(KINDS),-linih))
$(eval $(call fuzz,tests/fuzz/conf.c,ctl $(KINDS),-linih))

all: $(B)/doc/mailctl.conf.5
$(B)/doc/mailctl.conf.5: doc/mailctl.conf.5 $(B)/gen/conftables
	@mkdir -p $(@D)
	@$(B)/gen/conftables <$< >$@.new && mv $@.new $@
	@echo "  doc   $@"
