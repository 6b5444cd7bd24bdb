// Service directories that come and go, their supervise/, and what their processes are given.
#include <doctest/doctest.h>

#include <ctime>

#include "runit_comparison.hpp"

using namespace cinit::runit_test;

namespace {

const std::string kUp = "run: web: (pid N) Ns";
const std::string kDown = "down: web: Ns, normally up";

// As /etc/service/web, so that a link to it, and the directory itself, can be moved about.
const File kElsewhere = script("/srv/web/run", "exec app print-signals >>/tmp/web 2>&1");
const File kOther = script("/srv/other/run", "exec app print-signals >>/tmp/other 2>&1");
// Without it nothing would be looked after at first.
const File kPresent = script("present/run", "exec app app1 >>/tmp/present");

void await_present(Session& session) { session.await("present", "run: present: (pid N) Ns"); }

void await_web_and_logger(Session& session) {
  session.await("web", kUp + "; run: log: (pid N) Ns");
  session.await_text("/tmp/web", "ready\n");
}

// Until what has changed so far has been looked at: another service has come.
void await_look(Session& session) {
  session.run(
      "mkdir -p /etc/service/look; printf '#!/bin/sh\\ntouch /tmp/look; exec app app1' >/etc/service/look/run; "
      "chmod +x /etc/service/look/run");
  session.await_success("test -e /tmp/look");
}

void await_web(Session& session) {
  session.await("web", kUp);
  session.await_text("/tmp/web", "ready\n");
}

// What is written in supervise/status: bytes 12 to 19, with the pid compared to that in supervise/pid, and the time of the
// last change.
void show_status(Session& session) {
  const std::string bytes = session.container().read("/etc/service/web/supervise/status");
  const std::string pid_text = session.container().read("/etc/service/web/supervise/pid");
  if (bytes.size() != 20) return session.say("status: " + std::to_string(bytes.size()) + " bytes");
  const auto at = [&](std::size_t i) { return static_cast<unsigned long>(static_cast<unsigned char>(bytes[i])); };
  unsigned long seconds = 0;
  for (std::size_t i = 0; i < 8; ++i) seconds = seconds << 8 | at(i);
  unsigned long nanoseconds = 0;
  for (std::size_t i = 8; i < 12; ++i) nanoseconds = nanoseconds << 8 | at(i);
  const unsigned long pid = at(12) | at(13) << 8 | at(14) << 16 | at(15) << 24;
  std::string text = pid == 0 ? "no pid" : "a pid";
  text += (pid == 0 ? "" : std::to_string(pid) + "\n") == pid_text ? ", as in pid;" : ", but in pid " + pid_text + ";";
  for (std::size_t i = 16; i < 20; ++i) text += " " + std::to_string(at(i));
  constexpr unsigned long kTaiEpoch = (1UL << 62) + 10;
  const long age = std::time(nullptr) - static_cast<long>(seconds - kTaiEpoch);
  text += age >= -1 && age <= 3 ? ", changed just now" : ", changed " + std::to_string(age) + " s ago";
  session.say(text + (nanoseconds < 1'000'000'000 ? "" : ", and nanoseconds that are none"));
  session.say("stat: " + session.container().read("/etc/service/web/supervise/stat"));
}

}  // namespace

TEST_CASE("runit: services come and go") {
  compare({
      {"a directory is added",
       {kPresent, kElsewhere},
       [](Session& s) {
         await_present(s);
         s.run("cp -a /srv/web /etc/service/web");
         await_web(s);
         s.show("/tmp/present");
       }},
      {"a link is added and removed",
       {kPresent, kElsewhere},
       [](Session& s) {
         await_present(s);
         s.run("ln -s /srv/web /etc/service/web");
         await_web(s);
         s.run("rm /etc/service/web");
         s.await_text("/tmp/web", "got 15 ");
         s.await_success("sv status /srv/web | grep 'runsv not running'");
         s.run("sv status web; sv status /srv/web");
         s.run("ln -s /srv/web /etc/service/web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.await("web", kUp);
       }},
      {"a directory is removed",
       {kPresent, script("web/run", "exec app print-signals >>/tmp/web 2>&1")},
       [](Session& s) {
         await_web(s);
         s.run("rm -r /etc/service/web");
         s.await_text("/tmp/web", "got 15 ");
         s.show("/tmp/web");
       }},
      {"a link leads to another directory of the same name",
       {kPresent, kElsewhere, script("/opt/web/run", "exec app print-signals >>/tmp/opt 2>&1"),
        link_to("web", "/srv/web")},
       [](Session& s) {
         await_web(s);
         s.run("ln -sfn /opt/web /etc/service/web");
         s.await_text("/tmp/opt", "ready\n");
         s.await_text("/tmp/web", "got 15 ");
         s.await("web", kUp);
         s.show("/tmp/web");
         s.await_success("sv status /srv/web | grep 'runsv not running'");
       }},
      {"a link is renamed: the service goes on",
       {kPresent, kElsewhere, link_to("web", "/srv/web"), script("/srv/web/log/run", "exec cat >>/tmp/log")},
       [](Session& s) {
         await_web_and_logger(s);
         s.run("mv /etc/service/web /etc/service/www");
         await_look(s);
         s.await("www", "run: www: (pid N) Ns; run: log: (pid N) Ns");
         s.run("sv hup www");
         s.await_text("/tmp/web", "got 1 ");
         s.show("/tmp/web");
         s.run("sv exit www");
         s.await_text("/tmp/web", "ready\n", 2);
       }},
      {"a directory is renamed: the service goes on",
       {kPresent, kElsewhere},
       [](Session& s) {
         await_present(s);
         // An overlay cannot rename the directories of its lower layer.
         s.run("cp -a /srv/web /etc/service/web");
         await_web(s);
         s.run("mv /etc/service/web /etc/service/www");
         await_look(s);
         s.await("www", "run: www: (pid N) Ns");
         s.run("sv term www");
         s.await_text("/tmp/web", "ready\n", 2);
         s.show("/tmp/web");
       }},
      {"two links lead to one directory",
       {kPresent, kElsewhere, link_to("web", "/srv/web"), link_to("www", "/srv/web")},
       [](Session& s) {
         await_web(s);
         s.await("www", "run: www: (pid N) Ns");
         s.run("cmp /etc/service/web/supervise/pid /etc/service/www/supervise/pid");
         s.run("ps -o args | grep -c '^app print-signals'");
         s.run("rm /etc/service/web");
         await_look(s);
         s.await("www", "run: www: (pid N) Ns");
         s.show("/tmp/web");
       }},
      {"what is no directory, or begins with a dot, is no service",
       {kPresent, script(".hidden/run", "touch /tmp/hidden"), script("file", "touch /tmp/file"),
        link_to("dangling", "/nowhere")},
       [](Session& s) {
         await_present(s);
         s.run("ls -A /etc/service/.hidden /tmp");
         s.run("mv /etc/service/.hidden /etc/service/shown");
         s.await_success("test -e /tmp/hidden");
       }},
      {"a service is removed while it is down, and comes back",
       {kPresent, kElsewhere, empty("/srv/web/down"), link_to("web", "/srv/web")},
       [](Session& s) {
         s.await("web", "down: web: Ns");
         s.run("rm /etc/service/web");
         s.await_success("sv status /srv/web | grep 'runsv not running'");
         s.run("rm /srv/web/down; ln -s /srv/web /etc/service/web");
         await_web(s);
       }},
      {"a directory log is added while the service runs, and counts when somebody looks after it again",
       {kPresent, script("web/run", "exec app print-signals"), script("/srv/log/run", "exec cat >>/tmp/web")},
       [](Session& s) {
         s.await("web", kUp);
         s.run("cp -a /srv/log /etc/service/web/log; sv term web");
         s.await_success("sv status web | grep 'unable to open'");
         s.run("sv exit web");
         await_web_and_logger(s);
         s.show("/tmp/web");
       }},
      {"down is added and removed while it runs",
       {kPresent, kElsewhere, link_to("web", "/srv/web")},
       [](Session& s) {
         await_web(s);
         s.run("touch /srv/web/down; sv term web");
         s.await_text("/tmp/web", "ready\n", 2);
         s.await("web", kUp + ", normally down");
         s.run("sv exit web");
         s.await("web", "down: web: Ns");
         s.run("rm /srv/web/down");
         s.await("web", kDown);
       }},
  });
}

TEST_CASE("runit: what is in supervise") {
  const File web = script("web/run", "exec app print-signals 12 >>/tmp/web 2>&1");
  const std::string list = "cd /etc/service/web/supervise && busybox stat -c '%n: %F, %a, %U' . *";
  compare({
      {"names, types and modes",
       {web, script("web/log/run", "exec cat >/dev/null")},
       [=](Session& s) {
         s.await("web", kUp + "; run: log: (pid N) Ns");
         s.run(list);
         s.run("cd /etc/service/web/log/supervise && busybox stat -c '%n: %F, %a, %U' . *");
       }},
      {"status, stat and pid in every state",
       {web, script("web/finish", "[ -e /tmp/slow ] && app wait-for /tmp/go"), empty("web/down")},
       [=](Session& s) {
         s.await("web", "down: web: Ns");
         show_status(s);
         s.run("sv up web");
         s.await("web", kUp + ", normally down");
         s.await_text("/tmp/web", "ready\n");
         show_status(s);
         s.run("sv pause web");
         s.await("web", kUp + ", normally down, paused");
         show_status(s);
         s.run("sv term web; sv cont web");
         s.await("web", kUp + ", normally down, got TERM");
         show_status(s);
         s.run("touch /tmp/slow; sv down web");
         s.await("web", kUp + ", normally down, want down, got TERM");
         show_status(s);
         s.run("sv 2 web");
         s.await("web", "finish: web: (pid N) Ns, normally down, want down");
         show_status(s);
         s.run("touch /tmp/go");
         s.await("web", "down: web: Ns");
         show_status(s);
         s.run("sv once web");
         s.await("web", kUp + ", normally down, want down");
         show_status(s);
         s.await_text("/tmp/web", "ready\n", 2);
         s.run("sv exit web");
         s.await_text("/etc/service/web/supervise/stat", "got TERM, want exit");
         show_status(s);
       }},
      {"a link that leads nowhere: the directory is made",
       {web, link_to("web/supervise", "/run/web"), script("web/log/run", "exec cat >/dev/null"),
        link_to("web/log/supervise", "../../../../run/weblog")},
       [=](Session& s) {
         s.await("web", kUp + "; run: log: (pid N) Ns");
         s.run("ls -d /run/web/* ; busybox stat -c '%F, %a' /run/web");
       }},
      {"a supervise from before",
       {web, {"web/supervise/status", "old"}, {"web/supervise/pid", "12\n"}, {"web/supervise/lock", ""}},
       [=](Session& s) {
         s.await("web", kUp);
         s.run(list);
         s.await_text("/tmp/web", "ready\n");
         s.run("sv term web; sv 2 web");
         s.await_text("/tmp/web", "ready\n", 2);
       }},
      {"somebody has put something else there",
       {web, {"web/supervise/control", "no fifo"}, kPresent},
       [=](Session& s) {
         await_present(s);
         s.run("sv status web");
       },
       {{"cinit runs the service all the same, and says why sv cannot look after it",
         "warning: web: unable to open supervise/ok: file does not exist\n", "fail: web: runsv not running\n"}}},
  });
}

TEST_CASE("runit: what processes are given") {
  const std::string input = "readlink /proc/self/fd/0 >/tmp/";
  const std::string state = "app state | grep -v -E '^(pid|ppid|pgrp|sid)=' | sort >/tmp/";
  compare({
      {"environment, directory, umask, descriptors",
       {script("web/run", state + "web; exec app app1"), script("web/finish", state + "finish"),
        script("web/control/t", state + "control; exit 1"), script("web/log/run", state + "log; exec cat")},
       [](Session& s) {
         s.await_text("/tmp/web", "umask");
         s.await_text("/tmp/log", "umask");
         s.run("sv term web");
         s.await_text("/tmp/finish", "umask");
         for (const char* file : {"/tmp/web", "/tmp/log", "/tmp/finish", "/tmp/control"}) s.show(file);
       },
       {{"runsv leaves the signals blocked that it waits for itself",
         "control:\nNoNewPrivs:\t0\nSigBlk:\t0000000000014000\n",
         "control:\nNoNewPrivs:\t0\nSigBlk:\t0000000000000000\n"}}},
      {"their place among others",
       {script("web/run", "[ -e /tmp/web ] || exec app place >/tmp/web; exec app app1")},
       [](Session& s) {
         s.await_text("/tmp/web", "end of place");
         s.show("/tmp/web");
       },
       {{"there is no runsv between PID 1 and a service, which leads a session of its own",
         "parent: another\ngroup: the parent's\nsession: the parent's\n",
         "parent: PID 1\ngroup: own\nsession: own\n"}}},
      {"standard input",
       {script("web/run", input + "web; exec app app1"), script("web/log/run", input + "log; exec cat"),
        script("web/finish", input + "finish"), script("web/control/h", input + "control")},
       [](Session& s) {
         s.await_text("/tmp/web", "\n");
         s.await_text("/tmp/log", "\n");
         s.run("! cmp -s /tmp/web /tmp/log && [ \"$(cat /tmp/web)\" = \"$(readlink /proc/1/fd/0)\" ]");
         s.run("sv hup web");
         s.await_text("/tmp/control", "\n");
         s.run("sv term web");
         s.await_text("/tmp/finish", "\n");
         s.run("cmp /tmp/web /tmp/control; cmp /tmp/web /tmp/finish");
       },
       {},
       {.piped_input = true}},
      {"arguments",
       {script("web/run", "echo \"$0 has $#\" >/tmp/web; exec app app1"),
        script("web/log/run", "echo \"$0 has $#\" >/tmp/log; exec cat")},
       [](Session& s) {
         s.await_text("/tmp/web", "\n");
         s.await_text("/tmp/log", "\n");
         s.show("/tmp/web");
         s.show("/tmp/log");
       }},
      {"chpst",
       {script("web/run",
               "exec 2>&1; exec chpst -u app -e ./env -n 5 sh -c 'id -un; echo $GREETING; pwd; exec app app1'"),
        {"web/env/GREETING", "hello\n"},
        script("web/log/run", "exec chpst -unobody cat >/tmp/log")},
       [](Session& s) {
         s.await_text("/tmp/log", "ready\n");
         s.show("/tmp/log");
       }},
  });
}
