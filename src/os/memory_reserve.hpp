// Memory that is kept for the time when there is none: an orderly stop needs some.
#pragma once

namespace cinit::os {

// What happens when operator new finds no memory: the reserve is given away once, and the caller gets its memory out of that.
// was_used() tells the loop, which makes room and asks for a new reserve by keep(). When there is no reserve to give away, the
// process is ended by `last_resort`, which must not return and must not need memory.
//
// std::set_new_handler(3 of the C++ standard library). The reserve is address space that nobody touches (mmap(2)), so that it
// costs no memory, but counts where memory is refused: RLIMIT_DATA, vm.overcommit_memory = 2.
class MemoryReserve {
 public:
  using LastResort = void (*)();

  // Once in a process. Without memory for a reserve there is none until keep() succeeds.
  static void install(LastResort last_resort);
  // The reserve was given away.
  static bool was_used();
  // Takes a new one. False: there is no memory for it.
  static bool keep();
};

}  // namespace cinit::os
