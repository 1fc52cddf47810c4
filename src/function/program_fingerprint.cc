// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "intarsia/function.h"

namespace intarsia::detail {

std::string program_fingerprint(const void* address) {
  Dl_info info{};
  struct stat file {};
  const bool is_library = dladdr(address, &info) != 0 && info.dli_fname != nullptr && stat(info.dli_fname, &file) == 0;
  if (!is_library && stat("/proc/self/exe", &file) != 0) return "";
  return fmt::format("{}-{}.{}", file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
}

}  // namespace intarsia::detail
