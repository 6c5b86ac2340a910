// modbus-serial as a server or a client, told by JSON on standard input.
//
//   node modbus_serial.js server   {"registers": {"40": 5}, "inputs": {}, "coils": {}, "discretes": {},
//                                   "tcp": 15021} or {…, "port": "/dev/pts/3"}; prints a line when it
//                                   serves unit 1, and then each write as JSON
//   node modbus_serial.js client   {"connect": ["connectTCP", "127.0.0.1", {"port": 15021}],
//                                   "asks": [["readHoldingRegisters", 1, 0, 2], …]}: method, unit,
//                                   arguments; prints a JSON list of what came: data, or an error
"use strict";

const ModbusRTU = require("modbus-serial");

function serve(wanted) {
    const at = (table, address) => Number(wanted[table][address] || 0);
    const keep = (table) => (address, value) => {
        wanted[table][address] = value;
        console.log(JSON.stringify([table, address, value]));
    };
    const vector = {
        getHoldingRegister: (address) => at("registers", address),
        getInputRegister: (address) => at("inputs", address),
        getCoil: (address) => Boolean(at("coils", address)),
        getDiscreteInput: (address) => Boolean(at("discretes", address)),
        setRegister: keep("registers"),
        setCoil: keep("coils"),
    };
    const server = wanted.port
        ? new ModbusRTU.ServerSerial(vector, {
            path: wanted.port, port: wanted.port, baudRate: 115200, unitID: 1,
        })
        : new ModbusRTU.ServerTCP(vector, { host: "127.0.0.1", port: wanted.tcp, unitID: 1 });
    server.on("initialized", () => console.log("serving"));
    server.on("error", (error) => { console.error(String(error)); process.exit(1); });
}

async function ask(wanted) {
    const client = new ModbusRTU();
    const [connect, ...where] = wanted.connect;
    await client[connect](...where);
    client.setTimeout(wanted.timeout || 2000);
    const told = [];
    for (const [method, unit, ...given] of wanted.asks) {
        client.setID(unit);
        try {
            const answer = await client[method](...given);
            told.push(answer.data === undefined ? answer : answer.data);
        } catch (error) {
            told.push({ error: error.modbusCode || error.message });
        }
    }
    console.log(JSON.stringify(told));
    process.exit(0);
}

let given = "";
process.stdin.on("data", (data) => {
    given += data;
    if (given.includes("\n")) {
        const wanted = JSON.parse(given);
        given = "";
        if (process.argv[2] === "server") serve(wanted);
        else ask(wanted).catch((error) => { console.error(String(error)); process.exit(1); });
    }
});
