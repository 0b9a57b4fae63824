$(eval $(call library,services/monitor,$(notdir $(wildcard services/monitor/*.c))))
$(eval $(call unit,tests/unit/machine.c,services/monitor))
$(eval $(call unit,tests/unit/monitor.c,services/monitor services))
$(eval $(call fuzz,tests/fuzz/overload.c,services/monitor services))
