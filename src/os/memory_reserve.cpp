#include "os/memory_reserve.hpp"

#include <stdlib.h>
#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace cinit::os {
namespace {

// A stop of a thousand services needs less.
constexpr std::size_t kReserve = 512 * 1024;

void* reserve = nullptr;
bool given_away = false;
MemoryReserve::LastResort end_process = nullptr;

void give_reserve_away() {
  if (reserve == nullptr) end_process();
  munmap(reserve, kReserve);
  reserve = nullptr;
  given_away = true;
}

}  // namespace

void MemoryReserve::install(LastResort last_resort) {
  end_process = last_resort;
  keep();
  std::set_new_handler(give_reserve_away);
}

bool MemoryReserve::was_used() { return given_away; }

bool MemoryReserve::keep() {
  if (reserve == nullptr) {
    void* const memory = mmap(nullptr, kReserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) reserve = memory;
  }
  given_away = reserve == nullptr;
  return reserve != nullptr;
}

}  // namespace cinit::os
