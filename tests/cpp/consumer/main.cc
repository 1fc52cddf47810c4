// SPDX-License-Identifier: Apache-2.0
#include <intarsia/intarsia.h>

#include <iostream>

int main() {
  const auto shout = intarsia::udf("shout", {"text"}, [](std::string_view text) { return std::string(text) + "!"; });
  const intarsia::Function* function = intarsia::find_function(shout);
  intarsia::ColumnBuilder words{intarsia::Type(intarsia::TypeKind::kString)};
  words.append_text("hello");
  const intarsia::Column args[] = {words.finish()};
  intarsia::ColumnBuilder out(function->return_type);
  function->kernel(args, 1, out);
  std::cout << function->name << ' ' << out.finish().text_at(0) << '\n';
}
