// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Escrow} from "../../contracts/libraries/Escrow.sol";

// The bounds are those of what Publications takes: 5 MiB in 142 chunks, and what it stores.

contract WhatPublishingTakesFitsWhereItIsStored {
    function check(uint256 size, uint256 chunks, uint32 gasPerByte) external pure {
        require(size <= 5 * 2 ** 20 && chunks <= 142);
        uint256 gasNeeded = Escrow.gasFor(size, chunks, gasPerByte);
        assert(gasNeeded < 2 ** 56);
        assert(chunks == 0 || gasNeeded != 0); // nothing is divided by zero
    }
}

contract AnEscrowCoversTwiceTheBaseFee {
    function check(uint96 escrow, uint56 gasNeeded, uint64 baseFee) external pure {
        require(gasNeeded != 0 && escrow >= Escrow.minimum(gasNeeded, baseFee));
        assert(Escrow.covered(escrow, gasNeeded) >= 2 * uint256(baseFee) + Escrow.PRIORITY_FEE);
    }
}

contract AnOperatorDrawsHalfAtMost {
    function check(uint96 escrow, uint56 gasNeeded, uint16 chunks, uint128 gasPrice) external pure {
        require(gasNeeded != 0 && chunks != 0);
        uint256 drawn = Escrow.drawn(escrow, gasNeeded, chunks, gasPrice);
        assert(2 * drawn * chunks <= escrow); // of the escrow
        assert(2 * drawn * chunks <= uint256(gasPrice) * gasNeeded); // and of what it costs
    }
}
