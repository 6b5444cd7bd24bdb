#include "control/socket_place.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "config/config.hpp"
#include "os/file.hpp"

namespace cinit::control {
namespace {

// A number that no other container on this machine has at the same time; 0 without /proc.
std::string pid_namespace() {
  struct stat status {};
  return std::to_string(stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0);
}

// The effective user of PID 1: proc(5), /proc/[pid]/status. Every user may read that.
std::optional<uid_t> user_of_pid_1() {
  constexpr std::size_t kMost = 4096;
  constexpr std::string_view kUid = "\nUid:\t";
  const Result<std::string> status = os::read_file("/proc/1/status", kMost);
  if (!status) return std::nullopt;
  const std::size_t line = status->find(kUid);
  if (line == std::string::npos) return std::nullopt;
  const std::size_t effective = status->find('\t', line + kUid.size());
  if (effective == std::string::npos) return std::nullopt;
  uid_t uid = 0;
  const char* const end = status->data() + status->size();
  const auto parsed = std::from_chars(status->data() + effective + 1, end, uid);
  return parsed.ec == std::errc() ? std::optional(uid) : std::nullopt;
}

}  // namespace

std::vector<SocketPlace> places_for_server(const std::string& configured, uid_t uid) {
  using Kind = SocketPlace::Kind;
  if (configured.empty()) return {};
  std::vector<SocketPlace> places{{Kind::Path, configured}};
  if (configured != config::Container{}.control_socket) return places;
  const std::string name = "cinit-" + std::to_string(uid) + "-" + pid_namespace();
  for (const char* const directory : {"/dev/shm/", "/tmp/"}) {
    places.push_back({Kind::OwnDirectory, directory + name + "/cinit.sock"});
  }
  places.push_back({Kind::Abstract, "@" + name});
  return places;
}

std::vector<SocketPlace> places_for_client(const std::string& configured) {
  std::vector<uid_t> users{user_of_pid_1().value_or(0)};
  for (const uid_t uid : {uid_t{0}, geteuid()}) {
    if (std::ranges::find(users, uid) == users.end()) users.push_back(uid);
  }
  std::vector<SocketPlace> places;
  for (const uid_t uid : users) {
    for (SocketPlace& place : places_for_server(configured, uid)) {
      const bool is_known = std::ranges::find(places, place.address, &SocketPlace::address) != places.end();
      if (!is_known) places.push_back(std::move(place));
    }
  }
  return places;
}

bool is_cinit_or_root(const ucred& peer) { return peer.pid == 1 || peer.uid == 0 || peer.uid == geteuid(); }

}  // namespace cinit::control
