// A file descriptor that closes itself, and whole reads and writes with errors that name the path.
#pragma once

#include <cstdint>
#include <string>

#include "plan/status.h"

namespace pydl {

// kIo: "<path>: cannot <action>: <what errno says>"
Status io_error(const std::string& path, const char* action, int error);

class File {
 public:
  File() = default;
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  Status open_read(const std::string& path);                       // a regular file
  Status create(const std::string& path);                          // must not exist
  Status read_at(int64_t offset, void* data, size_t bytes) const;  // all of them, else kBadFile
  Status write(const void* data, size_t bytes);
  Status sync_and_close();

  int64_t size() const { return size_; }  // when it was opened
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_ = -1;
  int64_t size_ = 0;
};

// Makes a rename in the folder of `path` durable.
Status sync_folder_of(const std::string& path);

}  // namespace pydl
