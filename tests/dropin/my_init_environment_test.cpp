// my_init, row by row: /etc/container_environment. Where the rows come from: my_init.hpp.
#include <doctest/doctest.h>

#include "my_init.hpp"

using namespace cinit::dropin_test;

namespace {

using cinit::e2e::Options;

// Prints the variables that begin with one of these letters.
const Arguments kShowX = {"@", "--quiet", "--", "sh", "-c", "env | grep '^X' | busybox sort"};

// The same, in a hook.
Part show_x(const std::string& name) { return hook(name, "env | grep '^X' | busybox sort; echo of " + name); }

const std::string kDirectory = "/etc/container_environment";

// What is in the directory, as NAME=VALUE, but for what every container has.
const std::string kShowFiles = "cd " + kDirectory + "; for f in X*; do echo \"$f=$(cat $f)\"; done";

// Shows all with SIGTERM at the end: after the hooks, in the main command.
Arguments quietly(const std::string& main) { return {"@", "--quiet", "--", "sh", "-c", main}; }

Arguments wrapped(const std::string& before, const std::string& main) {
  return {"sh", "-c", before + "; exec \"$0\" --quiet -- sh -c \"$1\"", "@", main};
}

}  // namespace

TEST_CASE("my_init: variables from files") {
  compare({
      {"each file is one, without one newline at its end",
       {variable("X1", "one"), variable("X2", "two\n"), variable("X3", "three\n\n"), variable("X4", "")},
       quietly("echo \"[$X1] [$X2] [$X3] [${X4-unset}]\""),
       {0, "[one] [two] [three\n] []\n"}},
      {"hooks have them, too",
       {variable("X1", "one"), show_x("10")},
       {"@", "--quiet", "--", "true"},
       {0, "X1=one\nof 10\n"}},
      {"what the container has already wins",
       {variable("X1", "of the file"), variable("X2", "file")},
       kShowX,
       {0, "X1=of docker -e\nX2=file\n"},
       {.env = {{"X1", "of docker -e"}}}},
      {"dotfiles are variables",
       {variable(".gitkeep", "")},
       {"@", "--quiet", "--", "grep", "-c", ".gitkeep=", "/proc/self/environ"},
       {0, "1\n"}},
      {"lines in a value", {variable("X1", "a\nb")}, quietly("echo \"$X1\""), {0, "a\nb\n"}},
      {"services have them",
       {variable("X1", "one"), service("web", "echo $X1; exec app app1 web")},
       {"@", "--quiet"},
       {2, "one\nweb: ready\nweb: handle signal: terminated\nweb: app exit normally\n*** Init system aborted.\n"},
       {},
       stop_after("web: ready")},
      {"without the directory there is nothing of it",
       {show_x("10")},
       quietly("echo $X1; ls /etc | grep -c container_environment; true"),
       {0, "X1=one\nof 10\none\n0\n"},
       {.env = {{"X1", "one"}}}},
  });
}

TEST_CASE("my_init: what is written down at the start") {
  compare({
      {"a file for each variable of the container, without a newline",
       {environment_directory()},
       quietly("cd " + kDirectory + "; busybox wc -c X1; cat X1"),
       {0, "3 X1\none"},
       {.env = {{"X1", "one"}}}},
      {"not those that belong to a user",
       {environment_directory()},
       quietly("cd " + kDirectory + "; ls HOME USER GROUP UID GID SHELL 2>/dev/null; ls X1"),
       {0, "X1\n"},
       {.env =
            {{"HOME", "/h"}, {"USER", "u"}, {"GROUP", "g"}, {"UID", "1"}, {"GID", "2"}, {"SHELL", "/s"}, {"X1", ""}}}},
      {".sh, for a shell: quoted, names without odd characters, not those that belong to a user",
       {environment_directory()},
       quietly("env -i sh -c '. /etc/container_environment.sh; echo \"[$X_1_2] [$X2] ${HOME-none} ${USER-none}\"'"),
       {0, "[it's $A \"b\"] [a\nb] none none\n"},
       {.env = {{"X.1-2", "it's $A \"b\""}, {"X2", "a\nb"}, {"USER", "u"}, {"HOME", "/h"}}}},
      {".json: one object with all of them",
       {environment_directory()},
       quietly("for t in '\"X.1\": \"it.s\"' '\"HOME\": \"/h\"' '^{.*}$'; do grep -c \"$t\" "
               "/etc/container_environment.json; "
               "done"),
       {0, "1\n1\n1\n"},
       {.env = {{"X.1", "it's"}, {"HOME", "/h"}}}},
      {"their owners and modes stay",
       {environment_directory(), file("/etc/container_environment.sh", "old"),
        file("/etc/container_environment.json", "")},
       wrapped("busybox chown 1000:44 /etc/container_environment.sh; chmod 0600 /etc/container_environment.json; "
               "chmod 0700 /etc/container_environment",
               "busybox stat -c '%u %g %a' /etc/container_environment.sh /etc/container_environment.json "
               "/etc/container_environment; grep -c old /etc/container_environment.sh; true"),
       {0, "1000 44 644\n0 0 600\n0 0 700\n0\n"}},
      {"new files",
       {environment_directory()},
       quietly("busybox stat -c %a /etc/container_environment/X1 /etc/container_environment.sh "
               "/etc/container_environment.json"),
       {0, "644\n644\n644\n"},
       {.env = {{"X1", "secret"}}},
       {},
       {{"values may be secrets: what the image has not made, not everybody may read", {0, "640\n640\n640\n"}}}},
  });
}

TEST_CASE("my_init: hooks change the environment by files") {
  compare({
      {"added, changed, removed; what is exported is lost",
       {variable("X1", "one"), variable("X2", "two"), variable("X3", "three"),
        hook("10", "cd " + kDirectory + "; echo new >X4; echo changed >X2; rm X3; export X5=lost"), show_x("20")},
       kShowX,
       {0, "X1=one\nX2=changed\nX4=new\nof 20\nX1=one\nX2=changed\nX4=new\n"}},
      {"also what the container was given",
       {environment_directory(), hook("10", "cd " + kDirectory + "; echo changed >X1; rm X2")},
       kShowX,
       {0, "X1=changed\n"},
       {.env = {{"X1", "docker -e"}, {"X2", "docker -e"}}}},
      {"the dumps follow, files are not written again",
       {variable("X1", "one"), hook("10", "cd " + kDirectory + "; echo new >X2; rm X1")},
       quietly("grep X /etc/container_environment.sh; " + kShowFiles),
       {0, "export X2='new'\nX2=new\n"},
       {},
       {}},
      {"rc.local, too",
       {environment_directory(), program("/etc/rc.local", "echo new >" + kDirectory + "/X1")},
       kShowX,
       {0, "X1=new\n"}},
      {"a hook of --enable-insecure-key, too",
       {environment_directory(), program("/usr/sbin/enable_insecure_key", "echo new >" + kDirectory + "/X1")},
       {"@", "--quiet", "--enable-insecure-key", "--", "sh", "-c", "echo $X1"},
       {0, "new\n"}},
      {"HOME and its like",
       {environment_directory(), hook("10", "echo $HOME $USER"), hook("20", "echo $HOME $USER")},
       quietly("echo $HOME $USER"),
       {0, "/h u\n\n\n"},
       {.env = {{"HOME", "/h"}, {"USER", "u"}}},
       {},
       {{"nobody expects that they are gone because there is a hook", {0, "/h u\n/h u\n/h u\n"}}}},
      {"a file HOME",
       {variable("HOME", "/of/file"), hook("10", "echo $HOME")},
       quietly("echo $HOME"),
       {0, "/h\n/of/file\n"},
       {.env = {{"HOME", "/h"}}}},
      {"PATH removed",
       {environment_directory(), hook("10", "rm " + kDirectory + "/PATH"),
        service("web", "echo up; touch /tmp/up; exec app wait-for /never")},
       {"@", "--quiet", "--", "sh", "-c", "app wait-for /tmp/up; echo main"},
       {0, "up\nmain\n"}},
      {"after the hooks it is fixed: a service that is started again has the same",
       {variable("X1", "one"), service("web", "echo got $X1; echo two >" + kDirectory + "/X1; exit 0")},
       {"@", "--quiet"},
       {2, "got one\ngot one\n*** Init system aborted.\n"},
       {},
       [](Container& container) {
         container.wait_for("got one\n", 2);
         container.signal(SIGTERM);
       }},
      {"scripts of the shutdown change it for those after them",
       {variable("X1", "one"), program("/etc/my_init.pre_shutdown.d/10", "echo two >" + kDirectory + "/X1"),
        program("/etc/my_init.pre_shutdown.d/20", "echo $X1"), program("/etc/my_init.post_shutdown.d/10", "echo $X1")},
       {"@", "--quiet", "--", "true"},
       {0, "two\ntwo\n"}},
  });
}

TEST_CASE("my_init, which ends with code 1 then: what is wrong with /etc/container_environment") {
  compare({
      {"a directory in it",
       {variable("X1", "one"), variable("directory/file", "")},
       quietly("echo $X1"),
       {1, ""},
       {},
       {},
       {{"it is no variable", {0, "one\n"}}}},
      {"a value that is not UTF-8",
       {variable("X1", "one"), variable("X2", "\xff")},
       quietly("echo $X1 $X2"),
       {1, ""},
       {},
       {},
       {{"a value is any text", {0, "one \xff\n"}}}},
      {"/etc cannot be written",
       {variable("X1", "one"), hook("10", "echo hook")},
       quietly("echo $X1; ls /run/cinit"),
       {1, ""},
       {.read_only = true},
       {},
       {{"the dumps are in /run/cinit then",
         {0, "hook\none\ncontainer_environment.json\ncontainer_environment.sh\n"}}}},
      {"not root",
       {variable("X1", "one"), hook("10", "echo hook")},
       quietly("echo $X1; id -u"),
       {1, ""},
       {.user = "1000:1000"},
       {},
       {{"what it may do it does", {0, "hook\none\n1000\n"}}}},
      {"not root, who may not read the directory",
       {variable("X1", "one"),
        program("/bin/closed", "chmod 0700 " + kDirectory + "; exec app as 1000 my_init \"$@\"")},
       {"closed", "--quiet", "--", "echo", "runs"},
       {1, ""},
       {},
       {},
       {{"the feature is off then", {0, "runs\n"}}}},
  });
}

TEST_CASE("my_init, whose Python makes up a locale: nothing is added to the environment") {
  compare({{"without a locale",
            {environment_directory()},
            {"@", "--quiet", "--", "sh", "-c", "echo ${LC_CTYPE-unset}; ls /etc/container_environment"},
            {0, "C.UTF-8\nLC_CTYPE\nPATH\nTERM\n"},
            {},
            {},
            {{"nothing is added", {0, "unset\nPATH\nTERM\n"}}}}});
}
