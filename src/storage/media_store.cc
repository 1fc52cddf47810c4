// SPDX-License-Identifier: Apache-2.0
#include "storage/media_store.h"

#include <fmt/format.h>

#include <set>
#include <system_error>

#include "intarsia/error.h"
#include "intarsia/media.h"
#include "media/load.h"
#include "storage/durable_files.h"
#include "type/column_data.h"

namespace intarsia {

namespace {

// Each file of a few costs less to write to the disk than all that the file system has in memory.
constexpr std::size_t kFewFiles = 8;

/// By what the bytes begin with; users' bytes are kept as they came.
std::string_view extension_of(std::string_view bytes) {
  struct Signature {
    std::size_t at;
    std::string_view bytes;
    std::string_view extension;
  };
  static constexpr Signature kSignatures[] = {{0, "\xFF\xD8\xFF", "jpeg"},
                                              {0, "\x89PNG", "png"},
                                              {8, "WEBP", "webp"},
                                              {0, "GIF8", "gif"},
                                              {0, "II*", "tiff"},
                                              {0, "MM\0*", "tiff"},
                                              {4, "ftypheic", "heic"},
                                              {4, "ftyp", "mp4"},
                                              {0, "\x1A\x45\xDF\xA3", "mkv"},
                                              {8, "WAVE", "wav"},
                                              {8, "AVI ", "avi"},
                                              {0, "fLaC", "flac"},
                                              {0, "OggS", "ogg"},
                                              {0, "ID3", "mp3"},
                                              {0, "%PDF", "pdf"},
                                              {0, "BM", "bmp"}};
  for (const Signature& signature : kSignatures)
    if (bytes.size() > signature.at && bytes.substr(signature.at).starts_with(signature.bytes))
      return signature.extension;
  return "bin";
}

bool fits_jpeg(const Image& image) {
  return image.mode() == PixelMode::kRGB || image.mode() == PixelMode::kL || image.mode() == PixelMode::kCMYK ||
         image.mode() == PixelMode::kYCbCr;
}

std::string encoded(MediaCell& cell) {
  const std::lock_guard lock(cell.mutex);
  if (!cell.bytes.empty()) return cell.bytes;
  return encode_image(cell.image, fits_jpeg(cell.image) ? "jpeg" : "png");
}

}  // namespace

std::filesystem::path MediaStore::folder(std::int64_t table_id, std::int64_t operation_id) const {
  return root_ / std::to_string(table_id) / std::to_string(operation_id);
}

std::string MediaStore::write(const Column& column, std::int64_t row, std::int64_t table_id, std::int64_t operation_id,
                              std::int64_t row_id, std::int64_t column_id) const {
  const std::string bytes = encoded(*media_cell_at(column, row));
  const std::filesystem::path path =
      folder(table_id, operation_id) / fmt::format("{}_{}.{}", row_id, column_id, extension_of(bytes));
  write_file(path, bytes);
  const std::lock_guard lock(volatile_files_->mutex);
  std::vector<std::filesystem::path>& files = volatile_files_->by_operation[operation_id];
  if (files.size() <= kFewFiles) files.push_back(path);
  return path.string();
}

void MediaStore::make_durable(std::int64_t operation_id) const {
  std::vector<std::filesystem::path> files;
  {
    const std::lock_guard lock(volatile_files_->mutex);
    if (auto found = volatile_files_->by_operation.extract(operation_id)) files = std::move(found.mapped());
  }
  if (files.empty()) return;
  if (files.size() > kFewFiles) return write_through_file_system(root_);
  std::set<std::filesystem::path> folders{root_};
  for (const std::filesystem::path& file : files) {
    write_through(file);
    folders.insert({file.parent_path(), file.parent_path().parent_path()});
  }
  for (const std::filesystem::path& folder : folders) write_through(folder);
}

void MediaStore::forget(std::int64_t operation_id) const noexcept {
  const std::lock_guard lock(volatile_files_->mutex);
  volatile_files_->by_operation.erase(operation_id);
}

void MediaStore::remove_operation(std::int64_t table_id, std::int64_t operation_id) const noexcept {
  forget(operation_id);
  std::error_code ignored;
  std::filesystem::remove_all(folder(table_id, operation_id), ignored);
}

void MediaStore::remove_operation(std::int64_t operation_id) const noexcept {
  forget(operation_id);
  std::error_code ignored;
  for (const auto& table : std::filesystem::directory_iterator(root_, ignored))
    std::filesystem::remove_all(table.path() / std::to_string(operation_id), ignored);
}

void MediaStore::for_each_file(std::int64_t table_id, std::int64_t operation_id,
                               const std::function<void(const std::string&)>& visit) const {
  std::error_code ignored;  // there may be no such folder
  for (const auto& file : std::filesystem::directory_iterator(folder(table_id, operation_id), ignored))
    visit(file.path().filename().string());
}

void MediaStore::remove_file(std::int64_t table_id, std::int64_t operation_id, const std::string& name) const noexcept {
  std::error_code ignored;
  std::filesystem::remove(folder(table_id, operation_id) / name, ignored);
}

void MediaStore::remove_table(std::int64_t table_id) const noexcept {
  std::error_code ignored;
  std::filesystem::remove_all(root_ / std::to_string(table_id), ignored);
}

}  // namespace intarsia
