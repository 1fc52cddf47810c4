// SPDX-License-Identifier: Apache-2.0
// A bundle is a tar file, which `tar tf` lists: manifest.json, config.toml, rows/<SQL table>/<n> (PostgreSQL's COPY
// text, in parts), media/<table>/<operation>/<file>, sequences.sql, and last checksum.json with the XXH3 of all bytes
// before it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace intarsia {

/// Writes a bundle beside its place and moves it there when it is whole; what is not finished goes away.
class BundleWriter {
 public:
  /// Throws Error(kPathAlreadyExists | kStoreUnavailable).
  explicit BundleWriter(std::filesystem::path path);
  ~BundleWriter();
  BundleWriter(const BundleWriter&) = delete;
  BundleWriter& operator=(const BundleWriter&) = delete;

  void add(const std::string& name, std::string_view content);
  /// False when the file is not there.
  bool add_file(const std::string& name, const std::filesystem::path& file);
  /// Checksum, end, and the wait for the disk. Gives the bundle's size.
  std::int64_t finish();

 private:
  void begin_entry(const std::string& name, std::int64_t size);
  void end_entry(std::int64_t size);
  void write(std::string_view bytes);

  std::filesystem::path path_;
  std::filesystem::path draft_;
  std::FILE* file_ = nullptr;
  struct Checksum;
  std::unique_ptr<Checksum> checksum_;
  std::int64_t bytes_ = 0;
};

/// Reads a bundle from its beginning.
class BundleReader {
 public:
  /// Throws Error(kPathNotFound).
  explicit BundleReader(std::filesystem::path path);
  ~BundleReader();
  BundleReader(const BundleReader&) = delete;
  BundleReader& operator=(const BundleReader&) = delete;

  /// Reads all of it. Throws Error(kInvalidDataFormat) when it is no bundle, not whole, or not what was written.
  void verify();

  struct Entry {
    std::string name;
    std::int64_t size = 0;
  };
  /// The next entry; what was not read of the last one is passed over.
  std::optional<Entry> next();
  [[nodiscard]] std::string content();
  /// Calls `take` with one piece after the other.
  void each_piece(const std::function<void(std::string_view)>& take);

 private:
  [[noreturn]] void fail(const std::string& what) const;

  std::filesystem::path path_;
  std::FILE* file_;
  std::int64_t left_ = 0;     // of the entry
  std::int64_t padding_ = 0;  // after it
};

}  // namespace intarsia
