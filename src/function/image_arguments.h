// SPDX-License-Identifier: Apache-2.0
// Arguments and results that image functions share.
#pragma once

#include <array>
#include <string_view>

#include "function/json_value.h"
#include "intarsia/media.h"

namespace intarsia {

/// A JSON list of `N` numbers as integers; throws CellFailure("ValueError") that says what `name` must be.
template <std::size_t N>
[[nodiscard]] std::array<int, N> int_list(const JsonValue& value, std::string_view name) {
  std::array<int, N> numbers{};
  bool fits = value.is_array() && value.size() == N;
  for (std::size_t i = 0; fits && i < N; ++i) {
    fits = value[i].is_number() && value[i].get<double>() > -2e9 && value[i].get<double>() < 2e9;
    if (fits) numbers[i] = static_cast<int>(value[i].get<double>());
  }
  if (!fits)
    throw CellFailure("ValueError",
                      std::string(name) + " must be a list of " + std::to_string(N) + " numbers, got " + value.dump());
  return numbers;
}

/// The same of a literal argument at planning time; nothing when it is no literal. Throws Error(kInvalidArgument).
template <std::size_t N>
[[nodiscard]] std::optional<std::array<int, N>> literal_ints(const Value* literal, std::string_view name) {
  if (literal == nullptr || literal->is_null()) return std::nullopt;
  const auto* json = std::get_if<Json>(literal);
  try {
    return int_list<N>(parse_json(json != nullptr ? json->text : literal->json()), name);
  } catch (const CellFailure& failure) {
    throw Error(ErrorCode::kInvalidArgument, failure.what());
  }
}

/// One per file of image functions; register_image_functions calls them.
void register_image_transforms();
void register_image_properties();
void register_image_statistics();

/// Describes a method or property of images. They run in parallel.
[[nodiscard]] Function image_function(std::string name, std::vector<Parameter> parameters, const Type& returns,
                                      std::string doc, std::string example, Kernel kernel);

}  // namespace intarsia
