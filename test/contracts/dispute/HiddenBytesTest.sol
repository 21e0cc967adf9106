// SPDX-License-Identifier: MIT
pragma solidity ^0.8.31;

import {Answer, Request} from "../../../contracts/libraries/RequestLib.sol";
import {vm} from "../Vm.sol";
import {BytesTest} from "./BytesTest.sol";
import {TestTree} from "./TestTree.sol";

/// @notice An answer of two chunks to an input of one, both at URIs behind which nothing lies.
abstract contract HiddenBytesTest is BytesTest {
    using TestTree for TestTree.Tree;

    uint32 internal constant OUTPUTS = 18_000;
    uint32 internal constant INPUTS = 40;

    bytes internal output_;
    bytes internal input_;
    bytes32 internal outputRoot;
    bytes32 internal inputRoot;
    bytes32 internal id;
    Request internal request;
    Answer internal given;

    function setUp() public virtual override {
        super.setUp();
        (output_, input_) = (bytesOf(4 * OUTPUTS, 1), bytesOf(4 * INPUTS, 2));
        outputRoot = rootOf(OUTPUTS, treeOf(output_).top());
        inputRoot = rootOf(INPUTS, treeOf(input_).top());
        id = modelOf(INPUTS, OUTPUTS);
        vm.fee(3 gwei);
        request = askByURI(onDemand(id), inputRoot);
        given = answerByURI(request, outputRoot);
    }
}
