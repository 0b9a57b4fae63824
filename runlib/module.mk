$(eval $(call library,runlib,$(notdir $(wildcard runlib/*.c))))
$(eval $(call unit,tests/unit/address.c,runlib))
$(eval $(call unit,tests/unit/counters.c,runlib))
$(eval $(call unit,tests/unit/authclient.c,runlib))
