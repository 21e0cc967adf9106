// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title The stake token of local networks: anyone may mint
contract TestToken is ERC20 {
    constructor() ERC20("Assay Test Token", "ATT") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
