// SPDX-License-Identifier: Apache-2.0
// Properties of a cell rather than of its value: its error, the file behind it.
#include <fmt/format.h>

#include "function/operators.h"

namespace intarsia {
namespace {

const Type kMaybeText(TypeKind::kString, true);

template <std::string CellError::*kMember>
void error_kernel(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const CellError* error = args[0].error_at(row);
    if (error == nullptr)
      out.append_null();
    else
      out.append_text(error->*kMember);
  }
}

/// Percent-encodes a path as a file URL has it.
std::string url_of_path(std::string_view path) {
  constexpr std::string_view kPlain = "/-_.~!$&'()*+,;=:@";
  std::string url = "file://";
  for (const unsigned char c : path) {
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (alphanumeric || kPlain.find(static_cast<char>(c)) != std::string_view::npos)
      url += static_cast<char>(c);
    else
      url += fmt::format("%{:02X}", c);
  }
  return url;
}

std::string path_of_url(std::string_view url) {
  std::string path;
  for (std::size_t i = 0; i < url.size(); ++i) {
    const auto hex = [&](std::size_t at) { return std::string_view("0123456789abcdef").find(url[at] | 0x20); };
    if (url[i] == '%' && i + 2 < url.size() && hex(i + 1) < 16 && hex(i + 2) < 16) {
      path += static_cast<char>(hex(i + 1) * 16 + hex(i + 2));
      i += 2;
    } else {
      path += url[i];
    }
  }
  return path;
}

std::string file_url(std::string_view url) {
  return url.find("://") == std::string_view::npos ? url_of_path(url) : std::string(url);
}

std::optional<std::string> local_path(std::string_view url) {
  constexpr std::string_view kScheme = "file://";
  if (url.starts_with(kScheme)) return path_of_url(url.substr(kScheme.size()));
  if (url.find("://") != std::string_view::npos) return std::nullopt;
  return std::string(url);
}

/// Of media cells that have a URL.
template <typename Convert>
Kernel url_kernel(Convert convert) {
  return [convert](std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::string_view url = args[0].is_null(row) ? std::string_view() : args[0].text_at(row);
      if (url.empty())
        out.append_null();
      else
        detail::CellType<std::optional<std::string>>::write(out, convert(url));
    }
  };
}

Type media_only(std::string_view property, std::span<const Type> types) {
  if (!types[0].is_media())
    throw Error(ErrorCode::kTypeMismatch,
                fmt::format("{} is only there for columns of files (images, videos, ...), not for {}", property,
                            types[0].text()));
  return kMaybeText;
}

}  // namespace

void register_cell_properties() {
  register_function({.name = "cell.errortype",
                     .parameters = {any_parameter("value")},
                     .return_type = kMaybeText,
                     .doc = "The type of the error that the cell has instead of a value; null when there is none.",
                     .example = "t.img.errortype",
                     .kernel = error_kernel<&CellError::type>,
                     .is_property = true});
  register_function({.name = "cell.errormsg",
                     .parameters = {any_parameter("value")},
                     .return_type = kMaybeText,
                     .doc = "The message of the error that the cell has instead of a value; null when there is none.",
                     .example = "t.img.errormsg",
                     .kernel = error_kernel<&CellError::message>,
                     .is_property = true});
  register_function({.name = "cell.fileurl",
                     .parameters = {any_parameter("value")},
                     .return_type = kMaybeText,
                     .doc = "The URL of the file of a media cell; null when it is in no file.",
                     .example = "t.img.fileurl",
                     .kernel = url_kernel(file_url),
                     .infer = [](auto types, auto) { return media_only("fileurl", types); },
                     .is_property = true});
  register_function({.name = "cell.localpath",
                     .parameters = {any_parameter("value")},
                     .return_type = kMaybeText,
                     .doc = "The path of the file of a media cell; null when it is not on this machine.",
                     .example = "t.img.localpath",
                     .kernel = url_kernel(local_path),
                     .infer = [](auto types, auto) { return media_only("localpath", types); },
                     .is_property = true});
}

}  // namespace intarsia
