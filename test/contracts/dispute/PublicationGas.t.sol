// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Bundle, ChunkOpening} from "../../../contracts/interfaces/IPublications.sol";
import {Answer, Request} from "../../../contracts/libraries/RequestLib.sol";
import {vm} from "../Vm.sol";
import {BytesTest} from "./BytesTest.sol";
import {TestTree} from "./TestTree.sol";

/// @notice What demanding and publishing take. ASSAY_GAS_REPORT prints it.
contract PublicationGasTest is BytesTest {
    using TestTree for TestTree.Tree;

    event log_named_uint(string key, uint256 value); // solhint-disable-line event-name-capwords

    uint256 private constant TRANSACTION_CAP = 2 ** 24;

    /// @dev Today's schedule and a coming one, by which a byte of calldata costs 64 at least.
    function _transaction(uint256 execution, bytes memory data, uint256 floor) private pure returns (uint256) {
        uint256 zeros = 0;
        for (uint256 i = 0; i < data.length; ++i) if (data[i] == 0) ++zeros;
        uint256 standard = 21_000 + execution + 4 * zeros + 16 * (data.length - zeros);
        uint256 least = 21_000 + (floor == 64 ? 64 * data.length : 10 * zeros + 40 * (data.length - zeros));
        return standard > least ? standard : least;
    }

    function _measure(uint32 count) private returns (uint256 demanded, uint256[2] memory published) {
        bytes memory data = bytesOf(4 * uint256(count), 3);
        TestTree.Tree memory tree = treeOf(data);
        bytes32 id = modelOf(16, count);
        Request memory request = askByURI(onDemand(id), keccak256("input"));
        Answer memory given = answerByURI(request, rootOf(count, tree.top()));
        uint256 value = publications.quote(id, Bundle.OUTPUT);
        vm.deal(address(this), value);
        bytes memory call_ = abi.encodeCall(publications.demand, (request, given, Bundle.OUTPUT));
        demanded = _transaction(_send(value, call_), call_, 40);
        for (uint256 i = 0; i < data.length / CHUNK; ++i) {
            ChunkOpening memory opening = openingOf(headerOf(16, count), count, tree, i);
            bytes memory chunk = chunkOf(data, i);
            call_ = abi.encodeCall(publications.publish, (request, given, Bundle.OUTPUT, i, opening, chunk));
            vm.prank(operator);
            uint256 execution = _send(0, call_);
            published[0] += _transaction(execution, call_, 40);
            published[1] += _transaction(execution, call_, 64);
            assertTrue(_transaction(execution, call_, 64) < TRANSACTION_CAP / 3, "a chunk fits into a transaction");
        }
        uint256 paid = value / 2 gwei;
        assertTrue(published[1] < paid, "what is escrowed covers publishing by the coming schedule");
    }

    function _send(uint256 value, bytes memory call_) private returns (uint256 execution) {
        execution = gasleft();
        (bool success, ) = address(publications).call{value: value}(call_);
        execution -= gasleft();
        require(success, "it is taken");
    }

    function test_A29_publishingFitsIntoTransactionsAndTheEscrow() external {
        vm.fee(0);
        (uint256 demanded, uint256[2] memory published) = _measure(2 ** 14);
        (, uint256[2] memory long) = _measure(2 ** 18);
        if (vm.envOr("ASSAY_GAS_REPORT", 0) == 0) return;
        emit log_named_uint("demand", demanded);
        emit log_named_uint("publish 64 KiB", published[0]);
        emit log_named_uint("publish 64 KiB, coming", published[1]);
        emit log_named_uint("publish 1 MiB", long[0]);
        emit log_named_uint("publish 1 MiB, coming", long[1]);
    }
}
