// Looking again, before there is anything that a pause could hold up.
#pragma once

#include <time.h>

namespace cinit::init {

// What `look` returns; while `is_uncertain` is true of that, it is looked again after a pause, 0.6 s in all. For the
// boot alone, where no process has been started: from then on nothing waits but the loop.
template <class Look, class IsUncertain>
auto look_until_certain(Look look, IsUncertain is_uncertain) {
  constexpr long kMillisecond = 1'000'000;  // ns
  auto found = look();
  for (long pause = 10 * kMillisecond; pause <= 320 * kMillisecond && is_uncertain(found); pause *= 2) {
    const timespec time{0, pause};
    nanosleep(&time, nullptr);
    found = look();
  }
  return found;
}

}  // namespace cinit::init
