#include "os/program_file.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "os/fd.hpp"
#include "os/syscall.hpp"

namespace cinit::os {
namespace {

constexpr std::size_t kMachineOffset = 18;  // of e_machine in both classes: elf(5)

unsigned machine_of(std::string_view head) {
  const auto low = static_cast<unsigned char>(head[kMachineOffset]);
  const auto high = static_cast<unsigned char>(head[kMachineOffset + 1]);
  return head[EI_DATA] == ELFDATA2MSB ? low * 256U + high : high * 256U + low;
}

// By the names of uname(2).
constexpr struct {
  unsigned number;
  std::string_view name;
} kMachines[] = {{EM_386, "i386"},        {EM_X86_64, "x86_64"}, {EM_ARM, "arm"},
                 {EM_AARCH64, "aarch64"}, {EM_PPC64, "ppc64"},   {EM_S390, "s390x"},
                 {EM_RISCV, "riscv64"},   {EM_MIPS, "mips"},     {258 /* EM_LOONGARCH */, "loongarch64"}};

bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= ' ' && byte != 0x7f) || (byte >= '\b' && byte <= '\r') || byte == 0x1b;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

ProgramHead::ProgramHead(const char* path) {
  const Fd file(sys::open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (!file || sys::stat(file.get(), "", &status, AT_EMPTY_PATH) != 0 || !S_ISREG(status.st_mode)) return;
  const long size = sys::read(file.get(), bytes_, sizeof(bytes_));
  if (size > 0) size_ = static_cast<std::size_t>(size);
}

bool is_shell_text(std::string_view head) { return std::all_of(head.begin(), head.end(), is_text); }

bool is_script(std::string_view head) { return head.starts_with("#!"); }

std::string_view interpreter_of(std::string_view head) {
  if (!is_script(head)) return {};
  std::size_t begin = 2;
  while (begin < head.size() && is_blank(head[begin])) ++begin;
  std::size_t end = begin;
  while (end < head.size() && !is_blank(head[end]) && head[end] != '\n' && head[end] != '\0') ++end;
  return head.substr(begin, end - begin);
}

std::string_view platform_of(std::string_view head) {
  if (head.starts_with("MZ")) return "Windows";
  if (head.starts_with("\xcf\xfa\xed\xfe") || head.starts_with("\xce\xfa\xed\xfe")) return "macOS";
  if (!head.starts_with(ELFMAG) || head.size() < kMachineOffset + 2) return {};
  const unsigned number = machine_of(head);
  for (const auto& machine : kMachines) {
    if (machine.number == number) return machine.name;
  }
  return "another machine";
}

std::string_view own_platform() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "another one";
#endif
}

}  // namespace cinit::os
