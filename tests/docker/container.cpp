#include "container.hpp"

#include <unistd.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "failure.hpp"
#include "spawn.hpp"

namespace cinit::docker {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds kBetweenQuestions{15};

// Of this process, and so of all that run now.
std::string unique_name() {
  static int count = 0;
  return "test-" + std::to_string(getpid()) + "-" + std::to_string(++count);
}

}  // namespace

Container::Container(const Engine& engine) : engine_(engine), name_(unique_name()) {
  fs::create_directory(directory_ / "shared");
  fs::permissions(directory_ / "shared", fs::perms(0777));
}

Container::~Container() {
  if (!created_) return;
  try {
    if (test_has_failed() || std::uncaught_exceptions() > 0) print_what_happened();
    call(engine_, {"rm", "--force", "--volumes", name_});
  } catch (const std::exception& error) {
    std::cout << name_ << ": " << error.what() << std::endl;  // the end of the engine will remove it
  }
}

void Container::print_what_happened() const {
  std::cout << "--- " << engine_.name << " logs " << name_ << "\n"
            << log() << "--- " << engine_.name << " inspect " << name_ << "\n"
            << inspect("{{json .State}}") << "\n---" << std::endl;
}

Container& Container::file(const std::string& path, const std::string& text, int mode) {
  const std::string place = directory_ / ("file" + std::to_string(++files_));
  std::ofstream(place, std::ios::binary) << text;
  fs::permissions(place, fs::perms(mode));
  return options({"--volume", place + ":" + path + ":ro"});
}

Container& Container::options(const Arguments& options) {
  options_ = join(options_, options);
  return *this;
}

Container& Container::image(const std::string& name) {
  image_ = name;
  return *this;
}

Arguments Container::all_options() const {
  const Arguments usual{"--name", name_, "--network", "none", "--volume", directory_ / "shared:/shared"};
  return join(join(usual, engine_.run_options), options_);
}

Container& Container::run(const Arguments& arguments) {
  created_ = true;
  since_ = Clock::now();
  const Arguments begin = join({"run", "--detach"}, all_options());
  check(call(engine_, join(join(begin, {image_}), arguments)), "run");
  return *this;
}

Result Container::run_to_end(const Arguments& arguments) {
  created_ = true;
  return call(engine_, join(join(join({"run"}, all_options()), {image_}), arguments));
}

Arguments Container::run_words(const Arguments& arguments) {
  created_ = true;
  return join(join(join(join(engine_.client, {"run"}), all_options()), {image_}), arguments);
}

Container& Container::start_again() {
  since_ = Clock::now();
  check(call(engine_, {"start", name_}), "start");
  return *this;
}

void Container::check(const Result& result, std::string_view what) const {
  if (result.code != 0) throw std::runtime_error(engine_.name + " " + std::string(what) + ": " + result.output);
}

void Container::wait_until(const std::function<bool()>& condition, std::string_view what) const {
  const Clock::time_point deadline = Clock::now() + kLimit;
  while (!condition()) {
    if (Clock::now() >= deadline) throw std::runtime_error("not in time: " + std::string(what));
    std::this_thread::sleep_for(kBetweenQuestions);
  }
}

void Container::wait_for(std::string_view text, int times) {
  const std::string what = "\"" + std::string(text) + "\" in the log";
  wait_until(
      [&] {
        const bool over = !running();  // asked first: then the log is complete
        if (count(text) >= times) return true;
        if (over) throw std::runtime_error("the container ended without " + what);
        return false;
      },
      what);
}

End Container::wait_exit() {
  check(call(engine_, {"wait", name_}), "wait");
  const Clock::duration took = Clock::now() - since_;
  return {exit_code(), took};
}

End Container::stop(const Arguments& options) {
  const Result result = call(engine_, join(join({"stop"}, options), {name_}));
  check(result, "stop");
  return {exit_code(), result.took};
}

void Container::kill(const std::string& signal) {
  since_ = Clock::now();
  check(call(engine_, {"kill", "--signal", signal, name_}), "kill");
}

Result Container::exec(const Arguments& command) const { return call(engine_, join({"exec", name_}, command)); }

void Container::exec_in_background(const Arguments& command) const {
  check(call(engine_, join({"exec", "--detach", name_}, command)), "exec");
}

std::string Container::inspect(const std::string& format) const {
  std::string text = ask(engine_, {"container", "inspect", "--format", format, name_});
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string Container::log() const { return call(engine_, {"logs", name_}).output; }

int Container::count(std::string_view text) const { return count_in(log(), text); }

std::string Container::read_shared(const std::string& name) const {
  return e2e::read_file(directory_ / ("shared/" + name));
}

void Container::write_shared(const std::string& name, const std::string& text) const {
  std::ofstream(directory_ / ("shared/" + name), std::ios::binary) << text;
}

int count_in(std::string_view text, std::string_view part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

}  // namespace cinit::docker
