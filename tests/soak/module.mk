$(eval $(call tool,tests/soak/storm.c,,-lpthread))
$(eval $(call tool,tests/soak/askmany.c,,))
