// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {TestToken} from "../../contracts/test/TestToken.sol";

/// @notice Keeps 1 % of every transfer.
contract FeeOnTransferToken is TestToken {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(this), value / 100);
    }
}

/// @notice Calls the sender's hook before it takes the tokens, as ERC-777 does.
contract HookToken is TestToken {
    address private _target;
    bytes private _call;
    bool public hookSucceeded;

    function plan(address target, bytes calldata call_) external {
        _target = target;
        _call = call_;
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        bytes memory call_ = _call;
        delete _call;
        if (call_.length != 0) {
            (hookSucceeded, ) = _target.call(call_);
            if (!hookSucceeded) revert("hook");
        }
        return super.transferFrom(from, to, value);
    }
}

/// @notice Refuses transfers to and from listed accounts.
contract BlockListToken is TestToken {
    mapping(address account => bool) public blocked;

    error Blocked(address account);

    function setBlocked(address account, bool blocked_) external {
        blocked[account] = blocked_;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (blocked[from]) revert Blocked(from);
        if (blocked[to]) revert Blocked(to);
        super._update(from, to, value);
    }
}

/// @notice Returns nothing from its transfers, as some old tokens do.
contract SilentToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address account => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
    }

    function approve(address spender, uint256 value) external {
        allowance[msg.sender][spender] = value;
    }

    function transfer(address to, uint256 value) external {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
    }

    function transferFrom(address from, address to, uint256 value) external {
        allowance[from][msg.sender] -= value;
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}
