#include "filter.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

#include "text.hpp"

namespace cinit::reliability {

namespace {

sock_filter statement(int code, std::size_t value) {
  return BPF_STMT(static_cast<unsigned short>(code), static_cast<unsigned>(value));
}

sock_filter jump(int code, unsigned value, unsigned char when, unsigned char otherwise) {
  return BPF_JUMP(static_cast<unsigned short>(code), value, when, otherwise);
}

std::size_t place_of_argument(int argument) {
  return offsetof(seccomp_data, args) + static_cast<std::size_t>(argument) * sizeof(__u64);
}

void add(std::vector<sock_filter>& program, const Refusal& refusal) {
  std::vector<sock_filter> part;
  const bool first = refusal.argument >= 0;
  const bool second = refusal.second_argument >= 0;
  // How many statements a mismatch has to pass over, the refusal included.
  const auto over = [&](bool behind_first) {
    return static_cast<unsigned char>((!behind_first && first ? 2 : 0) + (second ? 2 : 0) + 1);
  };
  part.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(refusal.call), 0, over(false)));
  if (first) {
    part.push_back(statement(BPF_LD | BPF_W | BPF_ABS, place_of_argument(refusal.argument)));
    const int code = BPF_JMP | BPF_K | (refusal.is_flag ? BPF_JSET : BPF_JEQ);
    part.push_back(jump(code, refusal.value, 0, over(true)));
  }
  if (second) {
    part.push_back(statement(BPF_LD | BPF_W | BPF_ABS, place_of_argument(refusal.second_argument)));
    part.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, refusal.second_value, 0, 1));
  }
  part.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(refusal.error)));
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  program.insert(program.end(), part.begin(), part.end());
}

}  // namespace

void install_filter(const std::vector<Refusal>& refusals) {
  std::vector<sock_filter> program;
  for (const Refusal& refusal : refusals) add(program, refusal);
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog prog{static_cast<unsigned short>(program.size()), program.data()};
  if (geteuid() != 0) checked(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
  checked(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0), "PR_SET_SECCOMP");
}

}  // namespace cinit::reliability
