#include "plan/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "plan/text.h"

namespace pydl {
namespace {

constexpr size_t kMostAtOnce = size_t{1} << 30;  // the kernel takes less than 2 GiB per call

}  // namespace

Status io_error(const std::string& path, const char* action, int error) {
  const std::string reason = std::generic_category().message(error);
  return Status(Code::kIo, cat(path, ": cannot ", action, ": ", reason));
}

File::~File() {
  if (fd_ >= 0) close(fd_);
}

Status File::open_read(const std::string& path) {
  path_ = path;
  // O_NONBLOCK: opening a pipe must not wait for a writer.
  fd_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) return io_error(path, "open", errno);
  struct stat info;
  if (fstat(fd_, &info) != 0) return io_error(path, "read", errno);
  if (S_ISDIR(info.st_mode)) return io_error(path, "read", EISDIR);
  if (!S_ISREG(info.st_mode)) return Status(Code::kIo, cat(path, ": not a regular file"));
  size_ = info.st_size;
  return Status();
}

Status File::create(const std::string& path) {
  path_ = path;
  fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  return fd_ < 0 ? io_error(path, "create", errno) : Status();
}

Status File::read_at(int64_t offset, void* data, size_t bytes) const {
  auto* at = static_cast<unsigned char*>(data);
  while (bytes > 0) {
    const ssize_t n = pread(fd_, at, std::min(bytes, kMostAtOnce), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path_, "read", errno);
    if (n == 0) return Status(Code::kBadFile, cat(path_, ": became shorter while being read"));
    at += n;
    offset += n;
    bytes -= static_cast<size_t>(n);
  }
  return Status();
}

Status File::write(const void* data, size_t bytes) {
  const auto* at = static_cast<const unsigned char*>(data);
  while (bytes > 0) {
    const ssize_t n = ::write(fd_, at, std::min(bytes, kMostAtOnce));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path_, "write", errno);
    at += n;
    bytes -= static_cast<size_t>(n);
  }
  return Status();
}

Status File::sync_and_close() {
  if (fsync(fd_) != 0) return io_error(path_, "write", errno);
  const int fd = fd_;
  fd_ = -1;
  return close(fd) == 0 ? Status() : io_error(path_, "write", errno);
}

Status sync_folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return io_error(folder, "open", errno);
  // Some file systems cannot sync a folder and say EINVAL: the rename is then as durable as it
  // gets.
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return error == 0 || error == EINVAL ? Status() : io_error(folder, "flush", error);
}

}  // namespace pydl
