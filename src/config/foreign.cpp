#include "config/foreign.hpp"

#include <algorithm>
#include <span>

namespace cinit::config {
namespace {

// In lower case, without "-" and "_".
struct ForeignWord {
  std::string_view word;
  std::string_view here;
};

// What such words begin with for which there is no key.
constexpr std::string_view kNone = "there is no key for that:";

// Sources: supervisord's configuration page, systemd.service(5), systemd.exec(5), systemd.kill(5), systemd.unit(5), and the
// compose file reference.
constexpr ForeignWord kForeignKeys[] = {
    {"ambientcapabilities", "capabilities"},
    {"autorestart", "restart = \"always\", \"on-failure\" or \"no\""},
    {"capabilityboundingset", "capabilities"},
    {"capadd", "capabilities"},
    {"dependson", "requires = [\"NAME\"]"},
    {"directory", "working-dir"},
    {"entrypoint", "command"},
    {"environment", "env = { NAME = \"value\" }"},
    {"environmentfile", "env-file"},
    {"envfile", "env-file"},
    {"execreload", "there is no key for that: \"cinit signal NAME HUP\" sends a signal"},
    {"execstart", "command"},
    {"execstartpost", "post-start"},
    {"execstartpre", "pre-start"},
    {"execstop", "stop-command"},
    {"execstoppost", "post-stop"},
    {"exitcodes", "success-exit-status"},
    {"healthcheck", "health = { exec = \"COMMAND\" }"},
    {"killasgroup", "kill-mode"},
    {"killsignal", "stop-signal"},
    {"limitcore", "limits = { core = NUMBER }"},
    {"limitmemlock", "limits = { memlock = NUMBER }"},
    {"limitnofile", "limits = { nofile = NUMBER }"},
    {"limitnproc", "limits = { nproc = NUMBER }"},
    {"nodaemon", "there is no key for that: cinit stays in the foreground"},
    {"numprocs", "there is no key for that: a service is one process, and [service.NAME] is written for each"},
    {"oomscoreadjust", "oom-score-adj"},
    {"partof", "requires = [\"NAME\"]"},
    {"priority", "after = [\"NAME\"], or before"},
    {"processname", "there is no key for that: the NAME of [service.NAME] is its name"},
    {"redirectstderr", "stderr = \"stdout\""},
    {"remainafterexit", "type = \"oneshot\""},
    {"restartpolicy", "restart"},
    {"restartsec", "restart-delay"},
    {"standarderror", "stderr"},
    {"standardinput", "stdin"},
    {"standardoutput", "stdout"},
    {"startlimitburst", "start-limit-burst"},
    {"startlimitintervalsec", "start-limit-interval"},
    {"startretries", "start-limit-burst"},
    {"startsecs", "ready = { delay = \"1s\" }"},
    {"stderrlogfile", "stderr = \"file:/PATH\""},
    {"stderrlogfilebackups", "log-max-files"},
    {"stderrlogfilemaxbytes", "log-max-size"},
    {"stdoutlogfile", "stdout = \"file:/PATH\""},
    {"stdoutlogfilebackups", "log-max-files"},
    {"stdoutlogfilemaxbytes", "log-max-size"},
    {"stopasgroup", "kill-mode"},
    {"stopgraceperiod", "stop-timeout"},
    {"stopwaitsecs", "stop-timeout"},
    {"timeoutsec", "start-timeout, and stop-timeout"},
    {"timeoutstartsec", "start-timeout"},
    {"timeoutstopsec", "stop-timeout"},
    {"ulimits", "limits = { nofile = NUMBER }"},
    {"wants", "after = [\"NAME\"]"},
    {"watchdogsec", "health = { watchdog = \"10s\" }"},
    {"workdir", "working-dir"},
    {"workingdirectory", "working-dir"},
};

constexpr std::string_view kServices = "services are tables [service.NAME] here";
constexpr std::string_view kWhole = "what is about all of the container is in [cinit] here";
constexpr ForeignWord kForeignTables[] = {
    {"eventlistener", "there are no event listeners here"},
    {"group", kServices},
    {"inethttpserver", "cinit has no HTTP server: \"cinit status\" asks it through a socket"},
    {"install", "a service is started unless it has autostart = false here"},
    {"program", kServices},
    {"services", kServices},
    {"supervisorctl", kWhole},
    {"supervisord", kWhole},
    {"unit", kServices},
    {"unixhttpserver", "the socket is [cinit] control-socket here"},
};

std::string normalize(std::string_view word) {
  std::string normal;
  for (const char letter : word.substr(0, word.find(':'))) {
    if (letter != '-' && letter != '_')
      normal += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
  }
  return normal;
}

std::string_view find_foreign(std::span<const ForeignWord> words, std::string_view word) {
  const auto found = std::ranges::find(words, std::string_view(normalize(word)), &ForeignWord::word);
  return found == words.end() ? std::string_view() : found->here;
}

}  // namespace

std::string explain_foreign_key(std::string_view key) {
  const std::string_view here = find_foreign(kForeignKeys, key);
  if (here.empty()) return "";
  return (here.starts_with(kNone) ? "; " : "; here it is ") + std::string(here);
}

std::string explain_foreign_table(std::string_view name) {
  const std::string_view here = find_foreign(kForeignTables, name);
  return here.empty() ? std::string() : "; " + std::string(here);
}

// printf(1) of bash has "%(...)T", which is none.
std::string explain_foreign_reference(std::string_view text) {
  constexpr std::string_view kEnv = "ENV_";
  const std::size_t begin = text.find("%(");
  const std::size_t end = begin == std::string_view::npos ? begin : text.find(')', begin);
  if (end == std::string_view::npos || end + 1 == text.size() || (text[end + 1] != 's' && text[end + 1] != 'd'))
    return "";
  const std::string_view name = text.substr(begin + 2, end - begin - 2);
  const bool is_name = !name.empty() && std::ranges::all_of(name, [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
  if (!is_name) return "";
  const std::string written(text.substr(begin, end + 2 - begin));
  if (!name.starts_with(kEnv)) return written + " is supervisord's, and stays as it is written here";
  return written + " is ${" + std::string(name.substr(kEnv.size())) + "} here";
}

}  // namespace cinit::config
