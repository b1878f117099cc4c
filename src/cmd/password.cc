#include <CLI/CLI.hpp>
#include <iostream>

#include "cmd/command.h"
#include "frontend/pgwire/scram.h"
#include "runtime/threaded_runtime.h"

namespace penstock::cmd {

void add_password(CLI::App& app) {
  auto* command = app.add_subcommand("password", "Reads a password and prints a line for the frontend's --password-file");
  const auto user = std::make_shared<std::string>();
  command->add_option("user", *user, "User")->required();
  command->callback([=] {
    std::string password;
    std::cerr << "Password: ";
    std::getline(std::cin, password);
    if (password.empty()) return finish(error(Code::InvalidParameter, "the password is empty"));
    std::array<char, 16> salt;
    runtime::make_threaded_runtime({.pool_threads = 1, .blocking_threads = 1})->random_bytes(salt.data(), salt.size());
    std::cout << *user << ':' << frontend::pgwire::make_verifier(password, salt) << '\n';
  });
}

}  // namespace penstock::cmd
