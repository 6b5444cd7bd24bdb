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
};

constexpr Excuse kNothingWorks{.silence = true, .broken_stop = true};
constexpr Excuse kNoMain{.silence = true, .loss = true, .death = true};
constexpr Excuse kInSilence{.silence = true, .loss = true};
constexpr Excuse kNotThere{.silence = true, .identity = true};

constexpr Line kLines[] = {
    // The log itself cannot be written.
    {"write", "output", kAnyError, When::Any, kInSilence},
    // Nothing can be waited for. The kernel never refuses it for good.
    {"epoll_wait", kAny, kAnyError, When::Always, kNothingWorks},
    {"epoll_pwait", kAny, kAnyError, When::Always, kNothingWorks},
    // No signal can be heard. The kernel never refuses it for good.
    {"read", "[signalfd]", kAnyError, When::NotOnce, kNothingWorks},
    // libc ends the program before main(), where it has no memory for its thread-local storage.
    {"brk", kAny, ENOMEM, When::Any, kNoMain},
    // What is not there is an answer, and nothing to speak of: an image need not have users' entries or a configuration.
    {kAny, kAny, ENOENT, When::Any, kNotThere},
};

bool matches(const Line& line, const std::string& call, const std::string& subject, int error, Mode mode) {
  if (std::strcmp(line.call, kAny) != 0 && line.call != call) return false;
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
