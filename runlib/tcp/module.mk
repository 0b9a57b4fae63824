$(eval $(call library,runlib/tcp,$(notdir $(wildcard runlib/tcp/*.c))))
$(eval $(call unit,tests/unit/tcp.c,runlib/tcp))
$(eval $(call fuzz,tests/fuzz/proxy.c,runlib/tcp))
