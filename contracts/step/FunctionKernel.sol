// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Float32Functions} from "../libraries/Float32Functions.sol";
import {Program} from "../libraries/Program.sol";

/// @title The correctly rounded functions, behind one call
contract FunctionKernel {
    /// @param code The operation's byte in a record (docs/canonical.md, §7).
    /// @param word A binary32.
    function valueOf(uint256 code, uint256 word) external pure returns (uint256) {
        if (code == 0x21) return Float32Functions.exp(word);
        if (code == 0x22) return Float32Functions.log(word);
        if (code == 0x23) return Float32Functions.tanh(word);
        if (code == 0x24) return Float32Functions.sigmoid(word);
        if (code == 0x25) return Float32Functions.erf(word);
        if (code == 0x26) return Float32Functions.sin(word);
        if (code == 0x27) return Float32Functions.cos(word);
        revert Program.CodeUnknown("operation", code);
    }
}
