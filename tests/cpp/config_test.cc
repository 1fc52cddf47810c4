// SPDX-License-Identifier: Apache-2.0
#include "intarsia/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "intarsia/error.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const Setting& setting : settings()) {
      const std::string variable(setting.environment);
      if (const char* value = std::getenv(variable.c_str())) saved_[variable] = value;
      unsetenv(variable.c_str());
    }
    if (const char* user = std::getenv("HOME")) saved_["HOME"] = user;
    home_ = fs::path(testing::TempDir()) / ("intarsia_config_" + std::to_string(getpid()));
    fs::create_directories(home_);
  }
  void TearDown() override {
    fs::remove_all(home_);
    for (const Setting& setting : settings()) unsetenv(std::string(setting.environment).c_str());
    for (const auto& [name, value] : saved_) setenv(name.c_str(), value.c_str(), 1);
  }

  void write(const std::string& text) const { std::ofstream(home_ / "config.toml") << text; }
  [[nodiscard]] Config load(std::vector<std::pair<std::string, std::string>> overrides = {}) const {
    overrides.emplace_back("home", home_.string());
    return Config::load(overrides);
  }
  [[nodiscard]] std::string refusal(const std::string& text) const {
    write(text);
    try {
      static_cast<void>(load());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidConfiguration);
      return error.what();
    }
    return "accepted";
  }

  fs::path home_;

 private:
  std::map<std::string, std::string> saved_;
};

TEST_F(ConfigTest, DefaultsAreResolvedForThisMachine) {
  const Config config = load();
  EXPECT_EQ(config.home, home_);
  EXPECT_EQ(config.memory_limit, machine_memory() / 2);
  EXPECT_EQ(config.file_cache_limit, 10LL << 30);
  EXPECT_EQ(config.idle_seconds, 300);
  EXPECT_GE(config.threads, 1);
  EXPECT_EQ(config.db_url, "");
}

TEST_F(ConfigTest, FileIsReadWithUnitsStringsAndComments) {
  write(
      "# a comment\n\nmemory_limit = \"2GB\"  # half\nidle_seconds=1_000\r\nfile_cache_limit = 4096\n"
      "db_url = 'postgresql://a/b?x=#1'\n\"postgres_bin\" = \"C:\\\\x\\t\\\"\"\n");
  const Config config = load();
  EXPECT_EQ(config.memory_limit, 2LL << 30);
  EXPECT_EQ(config.idle_seconds, 1000);
  EXPECT_EQ(config.file_cache_limit, 4096);
  EXPECT_EQ(config.db_url, "postgresql://a/b?x=#1");
  EXPECT_EQ(config.postgres_bin, "C:\\x\t\"");
}

TEST_F(ConfigTest, SizesTakeUnitsOfEitherSpelling) {
  const std::map<std::string, std::int64_t> sizes = {
      {"1", 1}, {"1B", 1}, {"3kb", 3072}, {"3 KiB", 3072}, {"512MB", 512LL << 20}, {"1TiB", 1LL << 40}};
  for (const auto& [text, bytes] : sizes) EXPECT_EQ(load({{"memory_limit", text}}).memory_limit, bytes) << text;
}

TEST_F(ConfigTest, ArgumentWinsOverEnvironmentOverFile) {
  write("idle_seconds = 1\nthreads = 1\nverbosity = 0\n");
  setenv("INTARSIA_IDLE_SECONDS", "2", 1);
  setenv("INTARSIA_THREADS", "2", 1);
  const Config config = load({{"idle_seconds", "3"}});
  EXPECT_EQ(config.idle_seconds, 3);
  EXPECT_EQ(config.threads, 2);
  EXPECT_EQ(config.verbosity, 0);
}

TEST_F(ConfigTest, HomeComesFromTheEnvironmentAndIsAbsolute) {
  setenv("INTARSIA_HOME", (home_.string() + "/a/../").c_str(), 1);
  EXPECT_EQ(Config::load().home, home_);
  setenv("INTARSIA_HOME", "relative", 1);
  EXPECT_EQ(Config::load().home, fs::current_path() / "relative");
  unsetenv("INTARSIA_HOME");
  setenv("HOME", home_.c_str(), 1);
  EXPECT_EQ(Config::load().home, home_ / ".intarsia");
}

TEST_F(ConfigTest, ErrorsNameFileLineKeyAndRule) {
  const std::map<std::string, std::string> cases = {
      {"memry_limit = 1", "'memry_limit' is no setting; known are: home, db_url, memory_limit"},
      {"idle_seconds = soon", "'idle_seconds' needs a whole number from 0 to"},
      {"idle_seconds = -1", "got '-1'"},
      {"memory_limit = \"2 parsecs\"", "'memory_limit' needs a size such as \"2GB\", or bytes, got '2 parsecs'"},
      {"memory_limit = \"99999999999TB\"", "needs a size"},
      {"db_url = postgresql", "'db_url' needs a string in quotes, got postgresql"},
      {"verbosity = 3", "'verbosity' needs a whole number from 0 to 2, got '3'"},
      {"threads = 1\nthreads = 2", "config.toml line 2: 'threads' is set a second time"},
      {"[section", "is not of the form key = value"},
      {"[openai]\napi_key = \"x\"", "'api_key' is no setting of [openai]; known are [rate_limits] with pool"},
      {"[openai.rate_limits]\ngpt-4o = \"fast\"", "'gpt-4o' needs requests per minute, or"},
      {"[fireworks]\nrate_limit = 0", "'rate_limit' needs requests per minute, or"},
      {"[fireworks]\nrate_limit = 1\nrate_limit = 1", "line 3: 'rate_limit' is set a second time"},
      {"rate_limits = \"60\"", "'rate_limits' needs \"pool = limit, pool = limit\", got '60'"},
      {"log_level = \"loud\"", "'log_level' needs off, error, warning, info or debug, got 'loud'"},
      {"log_stderr = maybe", "'log_stderr' needs true or false, got 'maybe'"},
      {"db_url = \"open", "is not of the form key = value"},
      {"db_url =", "is not of the form key = value"},
      {"home = \"/x\"", "cannot stand in the home's own file; set INTARSIA_HOME"},
  };
  for (const auto& [text, expected] : cases) {
    const std::string message = refusal(text);
    EXPECT_NE(message.find(expected), std::string::npos) << message;
    EXPECT_NE(message.find((home_ / "config.toml").string() + " line "), std::string::npos) << message;
  }
}

TEST_F(ConfigTest, RateLimitsComeFromSectionsAndTheEnvironment) {
  write(
      "threads = 2\n[openai.rate_limits]  # by model\ngpt-4o = 500\n\"gpt-4o-mini\" = \"5_000/200000/8\"\n"
      "[fireworks]\nrate_limit = 60\n[rate_limits]\n\"my:pool\" = \"/9000\"\n");
  setenv("INTARSIA_RATE_LIMITS", "fireworks = 30, other=10/20", 1);
  const Config config = load();
  std::map<std::string, RateLimit> limits;
  for (const RateLimit& limit : config.rate_limits) limits[limit.pool] = limit;
  EXPECT_EQ(limits.size(), 5);
  EXPECT_EQ(limits["openai:gpt-4o"].requests_per_minute, 500);
  EXPECT_EQ(limits["openai:gpt-4o"].tokens_per_minute, std::nullopt);
  EXPECT_EQ(limits["openai:gpt-4o-mini"].requests_per_minute, 5000);
  EXPECT_EQ(limits["openai:gpt-4o-mini"].tokens_per_minute, 200000);
  EXPECT_EQ(limits["openai:gpt-4o-mini"].calls_in_flight, 8);
  EXPECT_EQ(limits["my:pool"].requests_per_minute, std::nullopt);
  EXPECT_EQ(limits["my:pool"].tokens_per_minute, 9000);
  EXPECT_EQ(limits["fireworks"].requests_per_minute, 30);
  EXPECT_EQ(limits["other"].tokens_per_minute, 20);
}

TEST_F(ConfigTest, TemplateListsEverySettingAndReadsAsTheDefaults) {
  std::string text = config_template();
  for (const Setting& setting : settings()) {
    if (setting.name != "home") {
      EXPECT_NE(text.find("\n# " + std::string(setting.name) + " = "), std::string::npos) << setting.name;
    }
    EXPECT_FALSE(setting.doc.empty());
    EXPECT_TRUE(setting.environment.starts_with("INTARSIA_"));
  }
  write(text);
  const Config commented = load();
  for (const Setting& setting : settings()) {
    const std::string key = "# " + std::string(setting.name) + " = ";
    if (const auto at = text.find(key); at != std::string::npos) text.erase(at, 2);
  }
  write(text);
  const Config set = load();
  EXPECT_EQ(set.memory_limit, commented.memory_limit);
  EXPECT_EQ(set.idle_seconds, commented.idle_seconds);
  EXPECT_EQ(set.postgres_bin, commented.postgres_bin);
}

}  // namespace
}  // namespace intarsia
