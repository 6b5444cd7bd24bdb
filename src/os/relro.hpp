// Tables of addresses that become read-only once the program is loaded.
#pragma once

#ifndef __GLIBC__
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "os/syscall.hpp"

extern "C" __attribute__((visibility("hidden"))) const ElfW(Ehdr) __ehdr_start;
#endif

namespace cinit::os {

// Does for a static program on musl what glibc has done before main: PT_GNU_RELRO of elf(5), in which the functions lie that exit(3)
// calls, can no longer be written. An error is passed over: it is a second wall.
inline void protect_relocated() {
#ifndef __GLIBC__
  constexpr std::uintptr_t kPage = 4096;
  const auto base = reinterpret_cast<std::uintptr_t>(&__ehdr_start);
  const auto* const headers = reinterpret_cast<const ElfW(Phdr)*>(base + __ehdr_start.e_phoff);
  for (int i = 0; i < __ehdr_start.e_phnum; ++i) {
    if (headers[i].p_type != PT_GNU_RELRO) continue;
    const std::uintptr_t begin = headers[i].p_vaddr & ~(kPage - 1);
    const std::uintptr_t end = (headers[i].p_vaddr + headers[i].p_memsz) & ~(kPage - 1);
    sys::call(SYS_mprotect, static_cast<long>(begin), static_cast<long>(end - begin), PROT_READ);
  }
#endif
}

}  // namespace cinit::os
