#include "expr/aggregates/wide_uint.h"

#include <algorithm>

namespace penstock::expr {

WideUint WideUint::power_of_ten(int exponent) {
  WideUint out(1);
  for (; exponent > 0; --exponent) out = out * WideUint(10);
  return out;
}

// Long division, a bit at a time.
WideUint WideUint::divide_rounded(const WideUint& a, const WideUint& b) {
  WideUint quotient, rest;
  for (size_t i = a.bits(); i-- > 0;) {
    rest.shift_left_one(a.bit(i));
    if (rest < b) continue;
    rest -= b;
    quotient.set_bit(i);
  }
  WideUint missing = b;
  missing -= rest;
  if (!(rest < missing)) quotient += WideUint(1);
  return quotient;
}

// Newton's iteration from above; it falls until it stands.
WideUint WideUint::square_root_rounded(const WideUint& a) {
  if (a.bits() == 0) return a;
  WideUint root;
  root.set_bit((a.bits() + 1) / 2);
  while (true) {
    // floor((root + a / root) / 2), with the quotient rounded down.
    WideUint quotient = divide_rounded(a, root);
    if (a < quotient * root) quotient -= WideUint(1);
    quotient += root;
    quotient.divide_by(2);
    if (!(quotient < root)) break;
    root = quotient;
  }
  // root is the floor; (root + 1/2)^2 = root^2 + root + 1/4.
  WideUint rest = a;
  rest -= root * root;
  if (root < rest) root += WideUint(1);
  return root;
}

std::string WideUint::digits() const {
  std::string out;
  for (WideUint rest = *this; rest.bits() != 0;) out += static_cast<char>('0' + rest.divide_by(10));
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace penstock::expr
