#include "init/env_files.hpp"

#include <errno.h>

#include "config/env_file.hpp"
#include "init/environment.hpp"
#include "os/file.hpp"

namespace cinit::init {
namespace {

constexpr std::size_t kMostOfFile = 1 << 20;  // bytes of one file

}  // namespace

EnvFiles::EnvFiles(std::vector<config::EnvFile> files, os::Identity user)
    : files_(std::move(files)), user_(std::move(user)) {
  read_next();
}

void EnvFiles::read_next() {
  while (!failed_ && !work_ && next_ < files_.size()) {
    Result<os::Place> place = os::find_place(files_[next_].path);
    if (!place) {
      take_in(place.error());
      continue;
    }
    place_ = *std::move(place);
    if (place_.trusted) {
      take_in(os::read_file(place_.open(O_RDONLY), kMostOfFile));
      continue;
    }
    work_.emplace(os::FileTask{os::FileTask::What::Read, place_.directory.get(), place_.name, 1, kMostOfFile, user_});
    if (work_->fd() < 0) take_answer();
  }
}

void EnvFiles::go_on() {
  take_answer();
  read_next();
}

void EnvFiles::take_answer() {
  std::optional<Result<os::FileYield>> answer = work_->take();
  if (!answer) return;
  work_.reset();
  if (*answer) {
    take_in((*answer)->content);
  } else {
    take_in(Error{os::describe_failure(place_, user_, answer->error(), "read it"), answer->error().code});
  }
}

void EnvFiles::take_in(const Result<std::string>& text) {
  const config::EnvFile& file = files_[next_++];
  if (!text && file.optional && text.error().code == ENOENT) return;
  if (!text) {
    failed_ = Error{"env-file " + file.path + ": " + text.error().message, text.error().code};
    return;
  }
  const Result<config::Variables> variables = config::parse_env_file(file.path, *text);
  if (!variables) {
    failed_ = variables.error();
  } else {
    merge(variables_, *variables);
  }
}

}  // namespace cinit::init
