// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>

namespace intarsia::limits {

/// Decodes a JPEG by libjpeg-turbo or a PNG by libpng: gray, RGB or RGBA, 8 bits. Throws std::runtime_error.
[[nodiscard]] cv::Mat decode_picture(std::string_view bytes);
/// JPEG of quality 75 with halved chroma (Pillow's defaults), or PNG where there is opacity.
[[nodiscard]] std::string encode_picture(const cv::Mat& picture);

[[nodiscard]] std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace intarsia::limits
