#include "os/exec_rehearsal.hpp"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

#include "os/exec.hpp"
#include "os/exec_search.hpp"
#include "os/fd.hpp"
#include "os/program_file.hpp"
#include "os/syscall.hpp"

namespace cinit::os {
namespace {

// As far as link editors put the name of the dynamic loader.
constexpr std::size_t kElfHead = 2048;
// Interpreters of interpreters: BINPRM_MAX_RECURSION of the kernel.
constexpr int kMostInterpreters = 4;

// The dynamic loader that a program of this machine asks for is there: elf(5). Where that cannot be said, it is taken to be.
long find_loader(const char* path) {
  alignas(Elf64_Ehdr) char bytes[kElfHead + 1];
  const Fd file(sys::open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  const long size = file ? sys::read(file.get(), bytes, kElfHead) : 0;
  if (size < static_cast<long>(sizeof(Elf64_Ehdr))) return size < 0 ? 0 : -ENOEXEC;
  Elf64_Ehdr header;
  memcpy(&header, bytes, sizeof(header));
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(Elf64_Phdr)) return 0;
  const auto end = static_cast<std::size_t>(size);
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const std::size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
    if (at > end || end - at < sizeof(Elf64_Phdr)) return 0;
    Elf64_Phdr part;
    memcpy(&part, bytes + at, sizeof(part));
    if (part.p_type != PT_INTERP) continue;
    if (part.p_offset > end || end - part.p_offset < part.p_filesz) return 0;
    bytes[part.p_offset + part.p_filesz] = '\0';
    const long access = sys::faccess(bytes + part.p_offset, X_OK);
    return access == -ENOENT || access == -EACCES ? access : 0;
  }
  return 0;
}

long try_format(const char* path, std::string_view head) {
  const std::string_view platform = platform_of(head);
  if (platform.empty()) return is_shell_text(head) ? sys::faccess("/bin/sh", X_OK) : -ENOEXEC;
  if (platform == own_platform()) return find_loader(path);
  const bool runs_32_bits = own_platform() == "x86_64" && platform == "i386";
  return runs_32_bits ? 0 : -ENOEXEC;
}

long try_file(const char* path, int interpreters) {
  struct stat status {};
  const long looked = sys::stat(AT_FDCWD, path, &status, 0);
  if (looked < 0) return looked;
  if (!S_ISREG(status.st_mode)) return -EACCES;
  if (const long access = sys::faccess(path, X_OK); access < 0) return access;
  // A program need not be readable: then no more can be said.
  if (sys::faccess(path, R_OK) < 0) return 0;
  const ProgramHead head(path);
  if (!is_script(head.text())) return try_format(path, head.text());
  const std::string_view interpreter = interpreter_of(head.text());
  if (interpreter.empty()) return -ENOEXEC;
  if (interpreters == kMostInterpreters) return -ELOOP;
  char name[kProgramHeadSize + 1] = {};
  memcpy(name, interpreter.data(), interpreter.size());
  return try_file(name, interpreters + 1);
}

}  // namespace

long rehearse_exec(char** argv, char* const*, const char* search_path) {
  const long result =
      search_program(argv[0], search_path ? search_path : kDefaultPath, [](char* path) { return try_file(path, 0); });
  if (result >= 0) sys::exit(0);
  return result;
}

}  // namespace cinit::os
