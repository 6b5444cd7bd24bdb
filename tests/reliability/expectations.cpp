#include "expectations.hpp"

#include <cerrno>
#include <cstring>

namespace cinit::reliability {

namespace {

// Any of the calls, subjects, errors or modes.
constexpr const char* kAny = "*";
constexpr int kAnyError = 0;

enum class When { Any, Always, NotOnce };

struct Line {
  const char* call;
  const char* subject;  // a text that the subject holds
  int error;
  When when;
  Excuse excuse;
  const char* why;
};

constexpr Line kLines[] = {
    {"write", "output", kAnyError, When::Any, {.silence = true, .loss = true}, "the log itself cannot be written"},
    {"epoll_wait",
     kAny,
     kAnyError,
     When::Always,
     {.silence = true, .broken_stop = true},
     "nothing can be waited for; the kernel never refuses it"},
    {"epoll_pwait",
     kAny,
     kAnyError,
     When::Always,
     {.silence = true, .broken_stop = true},
     "nothing can be waited for; the kernel never refuses it"},
    {"epoll_pwait2",
     kAny,
     EINTR,
     When::Always,
     {.silence = true, .broken_stop = true},
     "nothing can be waited for; the kernel never interrupts every call"},
    {"read",
     "[signalfd]",
     kAnyError,
     When::NotOnce,
     {.silence = true, .broken_stop = true},
     "no signal can be heard; the kernel never refuses it for good"},
    {"openat",
     "/etc/passwd",
     ENOENT,
     When::Any,
     {.identity = true},
     "an image need not have one: then nobody has an entry"},
    {"openat",
     "/etc/group",
     ENOENT,
     When::Any,
     {.identity = true},
     "an image need not have one: then nobody has groups"},
    {"openat", "(any)", ENOENT, When::Any, {.identity = true}, "among them are those two"},
};

bool matches(const Line& line, const std::string& call, const std::string& subject, int error, Mode mode) {
  if (line.call != call) return false;
  if (std::strcmp(line.subject, kAny) != 0 && subject.find(line.subject) == std::string::npos) return false;
  if (line.error != kAnyError && line.error != error) return false;
  return line.when == When::Any || (line.when == When::Always && mode == Mode::Always) ||
         (line.when == When::NotOnce && mode != Mode::Once);
}

}  // namespace

const char* name_of(Mode mode) {
  switch (mode) {
    case Mode::Once: return "once";
    case Mode::Always: return "always";
    case Mode::NowAndThen: break;
  }
  return "now and then";
}

Excuse excuse_for(const std::string& call, const std::string& subject, int error, Mode mode) {
  Excuse all;
  for (const Line& line : kLines) {
    if (!matches(line, call, subject, error, mode)) continue;
    all.silence = all.silence || line.excuse.silence;
    all.loss = all.loss || line.excuse.loss;
    all.broken_stop = all.broken_stop || line.excuse.broken_stop;
    all.death = all.death || line.excuse.death;
    all.identity = all.identity || line.excuse.identity;
  }
  return all;
}

}  // namespace cinit::reliability
