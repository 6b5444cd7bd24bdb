// What AddressSanitizer does in a cinit that is built with it: clang's SanitizerCommonFlags.
extern "C" const char* __asan_default_options();

// It looks for leaks with ptrace(2) at the end, which PID 1 of a container may not use. SIGBUS and its like are signals that others
// send, and cinit's to pass on. What it finds ends cinit by SIGABRT.
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0:abort_on_error=1:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0";
}
