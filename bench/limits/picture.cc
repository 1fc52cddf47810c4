// SPDX-License-Identifier: Apache-2.0
#include "picture.h"

#include <png.h>
#include <turbojpeg.h>

#include <fstream>
#include <memory>
#include <stdexcept>

namespace intarsia::limits {
namespace {

constexpr int kQuality = 75;

using TurboJpeg = std::unique_ptr<void, decltype([](tjhandle h) { tjDestroy(h); })>;

const std::uint8_t* data_of(std::string_view bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

cv::Mat decode_jpeg(std::string_view bytes) {
  thread_local const TurboJpeg decoder(tjInitDecompress());
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int color_space = 0;
  if (tjDecompressHeader3(decoder.get(), data_of(bytes), bytes.size(), &width, &height, &subsampling, &color_space) !=
      0)
    throw std::runtime_error(tjGetErrorStr2(decoder.get()));
  const bool gray = color_space == TJCS_GRAY;
  cv::Mat picture(height, width, gray ? CV_8UC1 : CV_8UC3);
  if (tjDecompress2(decoder.get(), data_of(bytes), bytes.size(), picture.data, width, static_cast<int>(picture.step),
                    height, gray ? TJPF_GRAY : TJPF_RGB, 0) != 0)
    throw std::runtime_error(tjGetErrorStr2(decoder.get()));
  return picture;
}

cv::Mat decode_png(std::string_view bytes) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) == 0) throw std::runtime_error(png.message);
  const bool alpha = (png.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  const bool color = (png.format & PNG_FORMAT_FLAG_COLOR) != 0;
  png.format = alpha ? PNG_FORMAT_RGBA : color ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  cv::Mat picture(static_cast<int>(png.height), static_cast<int>(png.width), CV_8UC(alpha ? 4 : color ? 3 : 1));
  if (png_image_finish_read(&png, nullptr, picture.data, static_cast<png_int_32>(picture.step), nullptr) == 0)
    throw std::runtime_error(png.message);
  return picture;
}

std::string encode_jpeg(const cv::Mat& picture) {
  thread_local const TurboJpeg encoder(tjInitCompress());
  const bool gray = picture.channels() == 1;
  const int subsampling = gray ? TJSAMP_GRAY : TJSAMP_420;
  std::string bytes(tjBufSize(picture.cols, picture.rows, subsampling), '\0');
  auto* target = reinterpret_cast<std::uint8_t*>(bytes.data());
  unsigned long size = bytes.size();
  if (tjCompress2(encoder.get(), picture.data, picture.cols, static_cast<int>(picture.step), picture.rows,
                  gray ? TJPF_GRAY : TJPF_RGB, &target, &size, subsampling, kQuality, TJFLAG_NOREALLOC) != 0)
    throw std::runtime_error(tjGetErrorStr2(encoder.get()));
  bytes.resize(size);
  return bytes;
}

std::string encode_png(const cv::Mat& picture) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(picture.cols);
  png.height = static_cast<png_uint_32>(picture.rows);
  png.format = PNG_FORMAT_RGBA;
  std::string bytes(PNG_IMAGE_PNG_SIZE_MAX(png), '\0');
  png_alloc_size_t size = bytes.size();
  if (png_image_write_to_memory(&png, bytes.data(), &size, 0, picture.data, static_cast<png_int_32>(picture.step),
                                nullptr) == 0)
    throw std::runtime_error(png.message);
  bytes.resize(size);
  return bytes;
}

}  // namespace

cv::Mat decode_picture(std::string_view bytes) {
  return bytes.starts_with("\xFF\xD8") ? decode_jpeg(bytes) : decode_png(bytes);
}

std::string encode_picture(const cv::Mat& picture) {
  return picture.channels() == 4 ? encode_png(picture) : encode_jpeg(picture);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(std::filesystem::file_size(path), '\0');
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
    throw std::runtime_error("cannot read " + path.string());
  return bytes;
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  if (!file.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush())
    throw std::runtime_error("cannot write " + path.string());
}

}  // namespace intarsia::limits
