#include "fuse_server.hpp"

#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <vector>

#include "forked.hpp"

namespace cinit::test {
namespace {

constexpr std::uint64_t kFile = 2;

fuse_attr attributes(std::uint64_t node, uid_t user) {
  fuse_attr attr{};
  attr.ino = node;
  attr.mode = node == kFile ? S_IFREG | 0644 : S_IFDIR | 0755;
  attr.nlink = 1;
  attr.uid = user;
  attr.gid = user;
  return attr;
}

class Answers {
 public:
  Answers(int device, uid_t user) : device_(device), user_(user) {}

  void run() {
    std::vector<char> buffer(1 << 18);
    while (true) {
      const ssize_t size = read(device_, buffer.data(), buffer.size());
      if (size < static_cast<ssize_t>(sizeof(fuse_in_header))) return;
      fuse_in_header header;
      std::memcpy(&header, buffer.data(), sizeof(header));
      answer(header);
    }
  }

 private:
  void answer(const fuse_in_header& header) {
    switch (header.opcode) {
      case FUSE_INIT: {
        fuse_init_out out{};
        out.major = FUSE_KERNEL_VERSION;
        out.minor = 31;
        out.max_write = 1 << 16;
        return reply(header, out);
      }
      case FUSE_LOOKUP: {
        fuse_entry_out out{};
        out.nodeid = kFile;
        out.attr = attributes(out.nodeid, user_);
        return reply(header, out);
      }
      case FUSE_GETATTR: {
        fuse_attr_out out{};
        out.attr = attributes(header.nodeid, user_);
        return reply(header, out);
      }
      case FUSE_OPEN: return reply(header, fuse_open_out{});
      case FUSE_STATFS: return reply(header, fuse_statfs_out{});
      case FUSE_FLUSH:
      case FUSE_RELEASE: return send(header, 0, nullptr, 0);
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_WRITE: return;  // which is never done
      default: return send(header, -ENOSYS, nullptr, 0);
    }
  }

  template <class Out>
  void reply(const fuse_in_header& header, Out out) {
    send(header, 0, &out, sizeof(out));
  }

  void send(const fuse_in_header& header, int error, void* data, std::size_t size) {
    fuse_out_header out{static_cast<std::uint32_t>(sizeof(fuse_out_header) + size), error, header.unique};
    const iovec parts[2] = {{&out, sizeof(out)}, {data, size}};
    if (writev(device_, parts, 2) < 0) _exit(1);
  }

  int device_;
  uid_t user_;
};

}  // namespace

FuseServer::FuseServer(const std::string& place, uid_t user, bool answers)
    : device_(::open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
  struct stat status {};
  const bool is_file = stat(place.c_str(), &status) == 0 && S_ISREG(status.st_mode);
  const std::string options = "fd=" + std::to_string(device_.get()) + ",rootmode=" + (is_file ? "100000" : "40000") +
                              ",user_id=" + std::to_string(user) + ",group_id=" + std::to_string(user) + ",allow_other";
  if (!device_ || mount("test", place.c_str(), "fuse.test", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    throw std::runtime_error("fuse");
  }
  if (answers) process_ = fork_process([&] { Answers(device_.get(), user).run(); });
}

FuseServer::~FuseServer() {
  if (process_ > 0) kill(process_, SIGKILL);
}

}  // namespace cinit::test
