$(eval $(call tool,tests/bench/cpu.c))
$(eval $(call tool,tests/bench/hello.c))
$(eval $(call tool,tests/bench/load.c))
