$(eval $(call library,services/policy/spf,check.c macro.c name.c term.c))
$(eval $(call tool,tests/tools/spf-suite.c,services/policy/spf))
$(eval $(call fuzz,tests/fuzz/spf.c,services/policy/spf))
