// Text that services choose, in lines and tables of cinit.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "container.hpp"
#include "temporary_directory.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

constexpr char kQuiet[] = "restart = 'no'\non-failure = 'ignore'\n";

// What steers a terminal, as UTF-8 and as bytes, and what is no UTF-8; a name of a file, too.
constexpr char kHostile[] =
    "x\x1b[31m\x9b\x33\x32mred\xc2\x9b\x33\x33m\xe2\x80\xae"
    "der\xff";

// Whether there is anything in `text` that a terminal would obey, but for newlines.
bool reaches_the_terminal(const std::string& text) {
  for (const char* part : {"\x1b", "\xc2\x9b", "\xe2\x80\xae", "\xff", "\x9bm", "\x9b\x33"}) {
    if (text.find(part) != std::string::npos) return true;
  }
  return false;
}

// Lets Python look at each line of `text`: all of it must be JSON in strict UTF-8. Then `check`, with all objects in `lines`.
void check_with_python(const std::string& text, const std::string& check) {
  if (std::system("command -v python3 > /dev/null") != 0) {
    FAIL("python3 is not installed");
    return;
  }
  const TemporaryDirectory directory;
  std::ofstream(directory / "text", std::ios::binary) << text << std::flush;
  std::ofstream(directory / "check.py") << "import json, sys\n"
                                           "data = open(sys.argv[1], 'rb').read()\n"
                                           "lines = [json.loads(line.decode('utf-8')) for line in data.splitlines()]\n"
                                        << check << std::flush;
  CHECK(std::system(("python3 " + directory / "check.py" + " " + directory / "text").c_str()) == 0);
}

std::string in_hexadecimal(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  for (const char byte : text) {
    digits += kDigits[static_cast<unsigned char>(byte) >> 4U];
    digits += kDigits[static_cast<unsigned char>(byte) & 15U];
  }
  return digits;
}

std::string random_lines(unsigned seed) {
  std::mt19937 random(seed);
  std::string text(200'000, '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  return text + "\n";
}

// A service that says of itself what the file says.
void add_talker(Container& container) {
  container.file("/hostile", kHostile);
  container.file("/bin/talk", "#!/bin/sh\napp notify \"STATUS=$(cat /hostile)\" READY=1\nexec app app1 talk\n", 0755);
}

}  // namespace

TEST_CASE(
    "every line of log-prefix \"json\" and log-format \"json\" is JSON in UTF-8, whatever bytes services choose") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  Container container;
  container.file("/noise", random_lines(seed))
      .file("/etc/service/" + std::string(kHostile) + "/run", "#!/bin/sh\ncat /noise\nexec app app1 odd\n", 0755)
      .config("[cinit]\nlog-prefix = 'json'\nlog-format = 'json'\n");
  container.cinit().wait_for("odd: ready");
  container.signal(SIGTERM);
  container.wait_exit();
  check_with_python(container.log(), "name = bytes.fromhex('" + in_hexadecimal(kHostile) +
                                         "').decode('utf-8', 'replace')\n"
                                         "said = [line for line in lines if 'stream' in line]\n"
                                         "own = [line for line in lines if line.get('event') == 'started']\n"
                                         "assert len(said) > 500 and own\n"
                                         "assert all(line['service'] == name for line in said + own)\n");
}

TEST_CASE("what a service says of itself and how its directory is called reaches no terminal, as text") {
  Container container;
  add_talker(container);
  container.file("/etc/service/" + std::string(kHostile) + "/run", "#!/bin/sh\necho said\nexec app app1 odd\n", 0755)
      .config(
          "[cinit]\nlog-prefix = 'name'\n"
          "[service.talk]\ncommand = '/bin/talk'\nready = 'notify'\n"
          "[service.probed]\ncommand = 'app app1 probed'\nready = { exec = ['/bin/nothing\\u009b31m'] }\n" +
          std::string(kQuiet));
  container.cinit().wait_for("odd: ready\n");
  container.wait_for("cinit: talk: ready");
  const std::string table = container.exec({"/sbin/cinit", "status"}).text;
  CAPTURE(table);
  CHECK(table.find("red?33m?der?") != std::string::npos);
  CHECK_FALSE(reaches_the_terminal(table));
  const std::string lines = container.exec({"/sbin/cinit", "logs"}).text;
  CAPTURE(lines);
  CHECK(lines.find("| odd: ready\n") != std::string::npos);
  CHECK_FALSE(reaches_the_terminal(lines));
  CHECK(container.logged("red\\xc2\\x9b33m\\xe2\\x80\\xaeder\\xff: started\n"));
  CHECK(container.logged("der\\xff | said\n"));
  container.signal(SIGTERM);
  container.wait_exit();
  CHECK_FALSE(reaches_the_terminal(container.log()));
}

TEST_CASE("lines of services are passed on as they are, as text") {
  Container container;
  container.file("/hostile", std::string(kHostile) + "\n")
      .config("[cinit]\nlog-prefix = 'name'\n[service.web]\ncommand = ['cat', '/hostile']\n" + std::string(kQuiet));
  container.cinit();
  container.wait_exit();
  CHECK(container.logged("web | " + std::string(kHostile) + "\n"));
}
