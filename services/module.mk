$(eval $(call library,services/contract,$(notdir $(wildcard services/contract/*.c))))
