// A file that services' lines go to, and that is put aside when it has grown.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "os/fd.hpp"
#include "os/line_writer.hpp"
#include "output/losses.hpp"

namespace cinit::output {

struct LogFileSpec {
  std::string path;
  std::uint64_t max_size = 0;   // in bytes, at least 1: a line that would make it grow beyond begins a new file
  std::uint32_t max_files = 1;  // it and those put aside: PATH, PATH.1 (the newest), PATH.2 ...; at least 1
  // Whom a new file belongs to; -1: cinit.
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};

// Whether cinit can write `path` for a service and put it aside. Not when `max_size` is 0, and not when the path is there
// and is anything but a regular file: a FIFO, a device, a symbolic link (such as /dev/stdout). Those the service is to
// write itself.
bool can_rotate(const std::string& path, std::uint64_t max_size);

// What is wrong with a file, after an errno of LogFile::check().
std::string describe_log_error(int error);

// No error ends anything: lines that cannot be written are lost and counted; a file that cannot be put aside goes on growing.
class LogFile {
 public:
  LogFile(LogFileSpec spec, Report report);

  // Takes over limits and owner for the files to come.
  void set_spec(LogFileSpec spec) { spec_ = std::move(spec); }

  // Looks whether the path still names the file that is open. When it has been renamed or removed, a new one is made; when
  // that fails, the old one is still written. Returns 0, or the errno when there is no file to write at all.
  int check();

  // Writes a line, which ends with a newline, into one file. Call check() before, once for many lines.
  void write_line(std::string_view line);
  // Says now how many lines were lost, as nothing more will be written.
  void report_losses() { losses_.over(); }

 private:
  int open_anew();
  void put_aside();
  int rename_chain() const;
  std::string aside(std::uint32_t number) const;

  LogFileSpec spec_;
  Report report_;
  Losses losses_;
  os::Fd file_;
  std::optional<os::LineWriter> out_;  // to file_
  int error_ = 0;                      // of the last attempt to open it
  std::uint64_t size_ = 0;             // of the file
  std::uint64_t rotate_above_ = 0;     // the size that it may have; more than the limit after it could not be put aside
  bool rotation_fails_ = false;
};

}  // namespace cinit::output
