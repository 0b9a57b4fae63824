$(eval $(call tool,tests/soak/storm.c,,-lpthread))
