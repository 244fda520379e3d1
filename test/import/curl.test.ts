import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { valuesOf } from '../../nodes/editor/import/import-row.ts'
import {
  notesOf,
  outOf,
  readText,
  recording,
  rowsOf,
  SLOTS,
  tokenOf
} from '../support/import-table.ts'

const SEND = 'curl -X POST https://hl7.example.org/in --data-binary @adt.hl7'
const urlOf = (text: string) => outOf(text)['url']

describe('commands of curl', () => {
  it('are found in a mail, behind prompts, several of them', () => {
    const { sources = [] } = readText(recording('token.txt'))
    assert.deepEqual(
      sources.map(({ isTokenRequest }) => isTokenRequest),
      [true, false]
    )
  })

  it('survive the quotes and dashes of a text program', () => {
    const values = outOf('curl –X PUT —header “X-Site: north” ‘https://a.example.org/in’')
    assert.deepEqual(values, {
      headers: [{ name: 'X-Site', value: 'north', valueType: 'str' }],
      url: 'https://a.example.org/in'
    })
  })

  it('say that messages are sent with POST alone', () => {
    for (const text of ['-X PUT -d @x', '-T x', '-X DELETE']) {
      const command = `curl https://a.example.org/in ${text}`
      assert.equal(outOf(command)['method'], undefined)
      assert.ok(notesOf(command).includes('method'), text)
    }
    const post = 'curl https://a.example.org/in -X POST -T x'
    assert.ok(notesOf(post).includes('asHere') && !notesOf(post).includes('method'))
  })

  it('read the client from a header, too', () => {
    const header = `Authorization: Basic ${btoa('my-id:my-secret')}`
    const values = tokenOf(
      `curl https://a.example.org/t -d grant_type=client_credentials -H '${header}'`
    )
    assert.equal(values['clientId'], 'my-id')
    assert.equal(values['clientSecret'], 'my-secret')
    assert.equal(values['clientAuth'], 'client_secret_basic')
  })

  it('take a variable of the shell as one of the environment, and no part of one', () => {
    const whole = outOf('curl "$HL7_URL" -H "X-A: ${SITE}" -H "X-B: a-$SITE"')
    assert.equal(whole['url'], '${HL7_URL}')
    assert.deepEqual(whole['headers'], [{ name: 'X-A', value: 'SITE', valueType: 'env' }])
    assert.equal(outOf(`curl 'https://a.example.org/$x'`)['url'], 'https://a.example.org/$x')
    assert.equal(outOf('curl "https://a.example.org/$x"')['url'], undefined)
  })

  it('name the client in the form', () => {
    const fields = 'client_id=my-id&client_secret=my-secret&grant_type=client_credentials'
    assert.deepEqual(tokenOf(`curl -d '${fields}' https://a.example.org/t`), {
      clientId: 'my-id',
      clientSecret: 'my-secret',
      clientAuth: 'client_secret_post',
      grantType: 'client_credentials',
      tokenEndpoint: 'https://a.example.org/t'
    })
  })

  it('end where the shell ends them, and have options written together', () => {
    for (const end of ['', ' & echo', ' | jq .', '; exit', ' && date', ')']) {
      assert.deepEqual(outOf(`$(curl -sSXPUT -m9 https://a.example.org/in${end}`), {
        responseTimeout: '9',
        url: 'https://a.example.org/in'
      })
    }
  })

  it('name a grant that there is not', () => {
    for (const grant of ['password2', 'constructor', '__proto__']) {
      const text = `curl https://a.example.org/t -d grant_type=${grant}`
      assert.equal(tokenOf(text)['grantType'], undefined)
      assert.ok(notesOf(text).includes('grantUnknown'), grant)
    }
  })

  it('take no placeholder for a value', () => {
    const values = tokenOf(
      'curl https://a.example.org/t -d "client_id=<CLIENT_ID>&client_secret=YOUR_SECRET&grant_type=client_credentials"'
    )
    assert.deepEqual(values, {
      tokenEndpoint: 'https://a.example.org/t',
      grantType: 'client_credentials'
    })
  })

  it('know a placeholder in brackets and braces, and no value that has them', () => {
    for (const id of [
      '[client_id]',
      '{client_id}',
      '{your client id}',
      '{clientId}',
      '[Client-ID]'
    ]) {
      const text = `curl https://a.example.org/t -u '${id}:s3cret' -d grant_type=client_credentials`
      assert.equal(tokenOf(text)['clientId'], undefined, id)
      const header = `${SEND} -H 'X-Client: ${id}' -H 'X-Api-Key: ${id}'`
      assert.equal(outOf(header)['headers'], undefined, id)
      assert.ok(notesOf(header).includes('placeholder'), id)
    }
    // An identifier of Windows, a list, an object, and a part of a name.
    for (const value of ['{3F2504E0-4F89-41D3}', '["a"]', '[1]', '{"a":1}', 'filter[name]']) {
      const headers = [{ name: 'X-A', value, valueType: 'str' }]
      assert.deepEqual(outOf(`${SEND} -H 'X-A: ${value}'`)['headers'], headers)
    }
    assert.ok(
      !notesOf(`curl 'https://a.example.org/in?filter[name]=x' -d @x`).includes('placeholder')
    )
  })

  it('that send nothing send nothing', () => {
    for (const data of [
      "-d ''",
      '--data ""',
      '--data-binary ""',
      "--json ''",
      "--data-urlencode ''"
    ]) {
      const text = `curl -X POST https://a.example.org/in -H 'Content-Type: application/json' ${data}`
      assert.equal(outOf(text)['format'], undefined, data)
      assert.deepEqual(rowsOf(text).at(-1)?.notes, [{ key: 'empty' }], data)
    }
    const query = 'https://a.example.org/t?grant_type=client_credentials'
    assert.deepEqual(rowsOf(`curl '${query}' -d ''`).at(-1)?.notes, [{ key: 'empty' }])
    // What is empty besides other data leaves these what they are.
    assert.equal(outOf(`curl https://a.example.org/in -d '' -d message=x`)['bodyField'], 'message')
  })

  it('leave secrets of a body in fields, and placeholders to be filled', () => {
    const body = (password: string): string =>
      `curl https://a.example.org -d '{"user": "north", "password": "${password}", "m": ["MSH|^~"]}'`
    const template = '{"user": "north", "password": $fields.password, "m": [$message]}'
    const fields = [{ name: 'password', value: 'secret1', valueType: 'cred' }]
    const values = outOf(body('my-secret'))
    assert.equal(values['bodyTemplate'], template)
    assert.deepEqual(values['formFields'], fields)
    assert.equal(values['secret1'], 'my-secret')
    const waiting = outOf(body('<password>'))
    assert.equal(waiting['bodyTemplate'], template)
    assert.deepEqual(waiting['formFields'], fields)
    assert.equal(waiting['secret1'], undefined)
  })

  it('with a variable in the body want a template by hand', () => {
    const text = 'curl https://a.example.org -d "{\\"site\\": \\"$SITE\\", \\"m\\": \\"MSH|\\"}"'
    assert.deepEqual(outOf(text), { url: 'https://a.example.org/', format: 'json' })
    assert.ok(notesOf(text).includes('templateByHand'))
  })

  it('are not read deeper than anybody writes them', () => {
    const deep = '[{"m":'.repeat(50_000) + '1' + '}]'.repeat(50_000)
    assert.ok(rowsOf(`curl https://a.example.org -d '${deep}'`).length > 0)
  })

  it('have no seventh secret', () => {
    const headers = [1, 2, 3, 4, 5, 6, 7].map((n) => `-H 'X-${n}-Secret: s${n}'`).join(' ')
    assert.ok(notesOf(`curl https://a.example.org ${headers}`).includes('noSlot'))
  })

  it('never check certificates less', () => {
    const values = outOf('curl -k --insecure https://a.example.org/in')
    assert.deepEqual(values, { url: 'https://a.example.org/in' })
  })

  it('read no file of a redirection and no comment as a word', () => {
    const ends = [
      ...['> ack.hl7', '>ack.hl7', '>> /var/log/hl7.log 2>&1', '1>out.json', '2> err.txt', '>NUL'],
      ...[
        '< in.hl7',
        '<in.hl7 >out.hl7',
        '> >(tee a.log)',
        '>"my ack.hl7"',
        '&> hl7.log',
        '>| a.b'
      ],
      ...['<<EOF', "<<-'E.O.F'", '<<< "MSH|x.y"', '# see docs.example.org', '2>&1 | tee a.log']
    ]
    for (const end of ends) assert.equal(rowsOf(`${SEND} ${end}`).length, 3, end)
    // Also in the middle, and at once behind a word.
    assert.equal(rowsOf(`curl 2>e.txt -X POST https://a.b/in>o.txt -d @x`).length, 3)
    assert.equal(rowsOf('C:\\> curl.exe "https://a.b/in" ^\n -d @x > out.txt 2>&1').length, 2)
    assert.equal(rowsOf('PS> curl.exe "https://a.b/in" `\n -d @x *> out.txt # a.b').length, 2)
    const request = 'curl -u a:b -d grant_type=client_credentials https://idp.example.org/token'
    const { tokenEndpoint } = tokenOf(`${request} > token.json`)
    assert.equal(tokenEndpoint, 'https://idp.example.org/token')
  })

  it('know a redirection on a line of its own from a prompt', () => {
    assert.equal(rowsOf('$ curl https://a.b/in \\\n> -d @x \\\n> -m 5').length, 3)
    assert.equal(rowsOf('curl https://a.b/in \\\n  -d @x \\\n  > out.txt').length, 2)
    for (const [prompt, end] of [
      ['   $ curl', '\\\n   > '],
      ['PS> curl.exe', '`\n >> ']
    ] as const) {
      const lines = [`${prompt} -X PUT`, '-H "X-A: 1"', 'https://a.b/in', '-d @x'].join(` ${end}`)
      assert.deepEqual(Object.keys(outOf(lines)), ['headers', 'url', 'format'], lines)
    }
  })

  it('are each of the shell that its first line shows', () => {
    const unix = "curl 'https://a.b/in' \\\n  -H 'X-A: 1' \\\n  -d @x"
    const expected = outOf(unix)
    assert.equal(expected['url'], 'https://a.b/in')
    for (const before of [
      'C:\\hl7\\adt.hl7 -> registry',
      'C:\\hl7> dir',
      '@echo off',
      'PS C:\\> dir',
      'Set $env:TOKEN on Windows, or TOKEN on Linux:',
      'In cmd, a line ends in ^',
      'In PowerShell, it ends in `'
    ]) {
      assert.deepEqual(outOf(`${before}\n${unix}`), expected, before)
    }
    const others = [
      'C:\\hl7> curl "https://a.b/in" -H "X-A: 1" -d @x',
      'curl ^"https://a.b/in^" ^\n  -H ^"X-A: 1^" ^\n  -d @x',
      'curl.exe "https://a.b/in" `\n  -H "X-A: 1" `\n  -d "@x"'
    ]
    const { sources = [] } = readText([...others, unix, ...others].join('\n\n'))
    assert.equal(sources.length, 7)
    for (const source of sources) {
      assert.deepEqual(valuesOf('out', source.rows(SLOTS)), expected, source.name)
    }
  })

  it('keep a placeholder, which only looks like a redirection', () => {
    assert.equal(urlOf('curl <https://hl7.example.org/in> -d @x'), 'https://hl7.example.org/in')
    assert.equal(urlOf('curl https://a.b/in<https://a.b/in> -d @x'), undefined)
    assert.equal(outOf('curl https://a.b/in --data-binary @<file name>.hl7')['format'], 'raw')
    assert.ok(notesOf('curl https://<host>/in -H X-Key:<your key> -d @x').includes('urlUnreadable'))
    assert.equal(rowsOf('curl https://<host>/in -H X-Key:<your key> -d @x').length, 3)
  })

  it('end with the piece of code that they are in Markdown', () => {
    const { sources = [] } = readText(`Run \`${SEND}\` first, then see https://b.example.org/docs.`)
    assert.equal(sources.length, 1)
    assert.equal(sources[0]?.rows(SLOTS).length, 3)
    const fenced =
      'First:\n\n```sh\ncurl -X PUT \\\n  https://a.example.org/in \\\n  -d @x\n```\n\nThen ...\n'
    assert.deepEqual(outOf(fenced), {
      url: 'https://a.example.org/in',
      format: 'raw'
    })
  })

  it('go on behind comments between their lines', () => {
    const text =
      'curl -X PUT \\ # the method\n  https://a.example.org/in \\\n  # -H "X-Old: 1" \\\n  -H "X-New: 2"'
    assert.equal(outOf(text)['url'], 'https://a.example.org/in')
    assert.deepEqual(outOf(text)['headers'], [{ name: 'X-New', value: '2', valueType: 'str' }])
  })

  it('have one address: the first whole one', () => {
    const whole = 'https://a.example.org/in'
    for (const text of [
      `curl --data-binary @ adt.hl7 ${whole}`,
      `curl $OPTIONS ${whole} https://b.example.org`,
      `curl ${whole} c.example.org`
    ]) {
      assert.equal(urlOf(text), whole, text)
      assert.ok(notesOf(text).includes('oneAddress'), text)
    }
    for (const text of ['curl "$OPTIONS" "$URL"', 'curl -d @ adt.hl7 hl7.example.org/in']) {
      assert.equal(urlOf(text), undefined, text)
    }
    const { sources = [] } = readText(`curl ${whole} -d @x --next -X PUT https://b.example.org`)
    assert.equal(sources.length, 2)
  })

  it('are commands without a host, too, which is then missing', () => {
    // As documentation of an API has them: of its server, only the path.
    for (const address of ['/api/v1/hl7', '../hl7', './in']) {
      const text = `curl -X PUT ${address} -d @x`
      assert.deepEqual(outOf(text), { format: 'raw' }, address)
      assert.ok(notesOf(text).includes('hostMissing'), address)
    }
    const token = 'curl /oauth2/token -d grant_type=client_credentials'
    assert.deepEqual(tokenOf(token), { grantType: 'client_credentials' })
    for (const base of ['[base]', '{base}', '{{base_url}}', '{{baseUrl}}:8443']) {
      const text = `curl ${base}/hl7 -d @x`
      assert.equal(outOf(text)['format'], 'raw', base)
      assert.ok(
        notesOf(text).some((key) => ['urlUnreadable', 'placeholder'].includes(key)),
        base
      )
    }
    for (const words of ['curl / wget', 'curl and/or wget', 'curl [options]']) {
      assert.equal(readText(words).refusal, 'unknown', words)
    }
  })

  it('are known by their path, too', () => {
    const batch =
      '@echo off\r\n"C:\\Program Files\\Git\\curl.exe" %URL% -H "X-A: %A%" -d @C:\\x.hl7 > C:\\y.log\r\n'
    assert.equal(urlOf(batch), '${URL}')
    assert.equal(rowsOf(batch).length, 3)
    assert.equal(urlOf('ExecStart=/usr/bin/curl https://a.example.org'), 'https://a.example.org/')
    for (const path of ['/usr/bin/', 'C:\\Windows\\System32\\', './']) {
      assert.equal(
        urlOf(`timeout 9 ${path}curl https://a.example.org/in`),
        'https://a.example.org/in'
      )
    }
    for (const page of ['https://docs.example.org/curl', 'github.com/curl/curl or']) {
      assert.equal(readText(`See ${page} https://x.y`).refusal, 'unknown')
    }
  })

  it('take no output of another command', () => {
    const parts = ['$1', '$@', '${SITE:-north}', '${SITE%/}']
    for (const value of ['$(cat key)', '`cat key`', 'a-$(hostname)', ...parts]) {
      const text = `curl https://a.example.org/in -H "X-Api-Key: ${value}" -H "X-Site: ${value}"`
      assert.deepEqual(outOf(text), { url: 'https://a.example.org/in' }, value)
      assert.doesNotMatch(JSON.stringify(rowsOf(text)), /cat key|hostname/)
    }
    assert.equal(urlOf('curl "https://$(cat host)/in" -d @x'), undefined)
    assert.ok(notesOf('curl "${URL:-https://a.example.org}" -d @x').includes('urlVariable'))
    assert.equal(outOf('curl https://a.example.org -H "X-A: "(cat key)')['headers'], undefined)
  })

  it('take no password of another authentication than Basic', () => {
    for (const way of ['--digest', '--ntlm', '--aws-sigv4 aws:amz', '--anyauth', '--negotiate']) {
      const text = `curl ${way} -u joe:my-secret https://a.example.org/in`
      assert.deepEqual(outOf(text), { url: 'https://a.example.org/in' })
      assert.ok(notesOf(text).includes('authentication'))
    }
    // curl would ask for it.
    assert.deepEqual(outOf('curl -u joe https://a.example.org/in'), {
      url: 'https://a.example.org/in'
    })
  })

  it('ask for a token in a file upload or in the query, too', () => {
    const expected = {
      tokenEndpoint: 'https://a.example.org/t',
      grantType: 'client_credentials',
      clientId: 'my-id',
      clientSecret: 'my-secret',
      clientAuth: 'client_secret_post'
    }
    const parts = '-F grant_type=client_credentials -F client_id=my-id -F client_secret=my-secret'
    const query = 'grant_type=client_credentials&client_id=my-id&client_secret=my%2Dsecret'
    assert.deepEqual(tokenOf(`curl ${parts} https://a.example.org/t`), expected)
    const inQuery = `curl -X POST "https://a.example.org/t?${query}"`
    assert.deepEqual(tokenOf(inQuery), expected)
    assert.deepEqual(outOf(inQuery), {})
    assert.ok(notesOf(inQuery).includes('tokenForm'))
  })

  it('say in which character set the message is', () => {
    const typed = (type: string, data: string) => {
      const values = outOf(`curl https://a.example.org -H 'Content-Type: ${type}' ${data}`)
      return [values['contentType'], values['charset'], values['format']]
    }
    const utf8 = 'application/hl7-v2; charset=UTF-8'
    // The node reads its label, where it knows it.
    for (const type of [utf8, 'text/plain; charset=l1', 'text/plain; charset="x-cp1252"']) {
      assert.deepEqual(typed(type, '-d @x'), [type, undefined, 'raw'])
    }
    const json = `-d '{"m": "MSH|"}'`
    const type = 'application/json; charset=utf-8'
    assert.deepEqual(typed(type, json), [type, undefined, 'json'])
    const latin1 = 'application/json; charset=latin1'
    assert.deepEqual(typed(latin1, json), ['application/json', undefined, 'json'])
    assert.deepEqual(typed('$TYPE; charset=<set>', '-d @x'), [undefined, undefined, 'raw'])
    const part = outOf('curl https://a.example.org -F "f=@x.hl7;type=text/plain;charset=utf-8"')
    assert.equal(part['bodyPartType'], 'text/plain;charset=utf-8')
    assert.equal(part['charset'], undefined)
  })

  it('send no header that has no value', () => {
    const text = "curl https://a.example.org -H 'Expect:' -H 'X-A: ' -H 'X-B;' -d @x"
    assert.deepEqual(outOf(text)['headers'], [{ name: 'X-B', value: '', valueType: 'str' }])
  })

  it('have variables of PowerShell on one line, too', () => {
    assert.equal(urlOf('PS C:\\> curl.exe "$env:HL7_URL" -d "@x" 2>$null'), '${HL7_URL}')
  })

  it('tell a second header of one name', () => {
    const text = "curl https://a.example.org -H 'X-A: 1' -H 'x-a: 2' -d @x"
    assert.deepEqual(outOf(text)['headers'], [{ name: 'X-A', value: '1', valueType: 'str' }])
    assert.ok(notesOf(text).includes('sameName'))
  })

  it('leave no key in an address', () => {
    const text = 'curl "https://a.example.org/in?code=my-secret&site=north" -d @x'
    assert.equal(urlOf(text), 'https://a.example.org/in?site=north')
    assert.ok(notesOf(text).includes('urlSecret'))
  })

  it('take no client that was left out', () => {
    for (const client of ['abc...xyz', 'eyJ…', `\${B64}`, btoa('no colon'), btoa('\xff:\xfe')]) {
      const text = `curl https://a.example.org/t -d grant_type=client_credentials -H "Authorization: Basic ${client}"`
      assert.deepEqual(Object.keys(tokenOf(text)).sort(), ['grantType', 'tokenEndpoint'], client)
    }
    for (const [client, key] of [
      ['$encoded', 'entryVariable'],
      ['<encoded>', 'placeholder'],
      ['<base64 of client_id:client_secret>', 'placeholder'],
      ['{base64 clientid and clientsecret}', 'placeholder'],
      ['‹your credentials›', 'placeholder']
    ] as const) {
      const text = `curl https://a.example.org/t -d grant_type=client_credentials -H "Authorization: Basic ${client}"`
      assert.deepEqual(rowsOf(text).at(-1)?.notes, [{ key }], client)
    }
    for (const left of ['abc...', 'xxxxxxxx', '****', '…']) {
      assert.equal(
        outOf(`curl https://a.example.org/in -H 'X-Api-Key: ${left}'`)['secret1'],
        undefined
      )
    }
  })

  it('take a value that only has such characters in it', () => {
    assert.equal(outOf(`${SEND} -H 'X-Api-Key: a...b***c'`)['secret1'], 'a...b***c')
    // A facility's code may be three letters of a kind; four and more stand for something.
    assert.deepEqual(outOf(`${SEND} -H 'X-Facility: xxx'`)['headers'], [
      { name: 'X-Facility', value: 'xxx', valueType: 'str' }
    ])
  })
})
