#include "dropin/dropin.hpp"

#include <algorithm>
#include <string_view>

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "dropin/print.hpp"
#include "dropin/programs.hpp"

namespace cinit::dropin {
namespace {

struct Name {
  std::string_view name;
  Program program;
};

constexpr Name kNames[] = {
    {"tini", Program::Tini},
    {"tini-static", Program::Tini},
    {"docker-init", Program::Tini},
    {"dumb-init", Program::DumbInit},
    {"catatonit", Program::Catatonit},
    {"podman-init", Program::Catatonit},
    {"my_init", Program::MyInit},
    {"runsvdir", Program::Runsvdir},
    {"fix-attrs", Program::FixAttrs},
    {"with-contenv", Program::WithContenv},
    {"true", Program::True},
    {"exec", Program::Exec},
    {"s6-setuidgid", Program::SetUidGid},
    {"s6-envuidgid", Program::EnvUidGid},
    {"s6-applyuidgid", Program::ApplyUidGid},
    {"s6-rc", Program::S6Rc},
};

// Where Docker put its init before 19.03. As the name of a program "init" may be anybody.
constexpr std::string_view kOldDockerInit = "/dev/init";

Program program_called(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& known) { return known.name == name; });
  return found == std::end(kNames) ? Program::Unknown : found->program;
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// It runs these for services and scripts of images that have none.
bool is_for_cinit_itself(Program program) {
  return program == Program::FixAttrs || program == Program::True || program == Program::Exec;
}

int refuse(const char* name) {
  Line line;
  line << "cinit: --as ";
  if (name) {
    line << name << ": cinit cannot stand for it; it can for";
  } else {
    line << "needs the name of a program:";
  }
  const char* separator = " ";
  for (const Name& known : kNames) {
    if (is_for_cinit_itself(known.program)) continue;
    line << separator << known.name;
    separator = ", ";
  }
  print(2, line.line());
  return exit_code::kUsage;
}

}  // namespace

std::optional<Choice> choose(char** argv) {
  if (!argv[0]) return std::nullopt;
  const Program program = argv[0] == kOldDockerInit ? Program::Tini : program_called(base_name(argv[0]));
  if (program != Program::Unknown) return Choice{program, argv};
  if (!argv[1] || argv[1] != std::string_view("--as")) return std::nullopt;
  return Choice{argv[2] ? program_called(argv[2]) : Program::Unknown, argv + 2};
}

int run(const Choice& choice, char** envp, Supervisors supervisors) {
  switch (choice.program) {
    case Program::Tini: return run_tini(choice.argv, envp);
    case Program::DumbInit: return run_dumb_init(choice.argv, envp);
    case Program::Catatonit: return run_catatonit(choice.argv, envp);
    case Program::MyInit: return supervisors.my_init(choice.argv, envp);
    case Program::Runsvdir: return supervisors.runsvdir(choice.argv, envp);
    case Program::FixAttrs: return run_fix_attrs(choice.argv);
    case Program::WithContenv: return run_with_contenv(choice.argv, envp);
    case Program::True: return 0;
    case Program::Exec: return run_exec(choice.argv, envp);
    case Program::SetUidGid: return run_setuidgid(choice.argv);
    case Program::EnvUidGid: return run_envuidgid(choice.argv);
    case Program::ApplyUidGid: return run_applyuidgid(choice.argv);
    case Program::S6Rc: return run_s6_rc(choice.argv);
    case Program::Unknown: break;
  }
  return refuse(choice.argv[0]);
}

}  // namespace cinit::dropin
