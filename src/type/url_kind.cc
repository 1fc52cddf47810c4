// SPDX-License-Identifier: Apache-2.0
#include "type/url_kind.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

namespace intarsia {
namespace {

constexpr std::array<std::pair<std::string_view, TypeKind>, 22> kExtensions = {{
    {"mp4", TypeKind::kVideo},     {"mov", TypeKind::kVideo},     {"mkv", TypeKind::kVideo},
    {"avi", TypeKind::kVideo},     {"webm", TypeKind::kVideo},    {"m4v", TypeKind::kVideo},
    {"mpg", TypeKind::kVideo},     {"mpeg", TypeKind::kVideo},    {"mp3", TypeKind::kAudio},
    {"wav", TypeKind::kAudio},     {"flac", TypeKind::kAudio},    {"ogg", TypeKind::kAudio},
    {"m4a", TypeKind::kAudio},     {"aac", TypeKind::kAudio},     {"pdf", TypeKind::kDocument},
    {"html", TypeKind::kDocument}, {"htm", TypeKind::kDocument},  {"md", TypeKind::kDocument},
    {"txt", TypeKind::kDocument},  {"docx", TypeKind::kDocument}, {"pptx", TypeKind::kDocument},
    {"xlsx", TypeKind::kDocument},
}};

}  // namespace

TypeKind kind_of_url(std::string_view url) {
  const std::size_t end = url.find_first_of("?#");
  url = url.substr(0, end);
  const std::size_t dot = url.find_last_of("./");
  if (dot == std::string_view::npos || url[dot] != '.') return TypeKind::kImage;
  std::string extension(url.substr(dot + 1));
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  for (const auto& [name, kind] : kExtensions)
    if (name == extension) return kind;
  return TypeKind::kImage;
}

}  // namespace intarsia
