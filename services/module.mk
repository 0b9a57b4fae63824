$(eval $(call library,services,$(notdir $(wildcard services/*.c))))
