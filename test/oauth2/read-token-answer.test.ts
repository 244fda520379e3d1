import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readTokenAnswer } from '../../src/oauth2/token-answer.ts'

const json = 'application/json'
const bare = 'It sends the bare token instead of a JSON object.'
const form = 'It sends a form-encoded answer instead of JSON.'
const otherName = 'It spells access_token differently.'

describe('readTokenAnswer', () => {
  it('reads a token with all its properties', () => {
    const body = { access_token: 'abc', token_type: 'bearer', expires_in: 60, scope: 'a b' }
    assert.deepEqual(readTokenAnswer(200, json, JSON.stringify(body)), {
      kind: 'granted',
      token: { access_token: 'abc', token_type: 'Bearer', expires_in: 60, scope: 'a b' },
      quirks: []
    })
  })

  it('reads a token with nothing else', () => {
    assert.deepEqual(readTokenAnswer(299, json, '{"access_token":"abc"}'), {
      kind: 'granted',
      token: { access_token: 'abc', token_type: 'Bearer', expires_in: undefined, scope: undefined },
      quirks: [
        'It sends the token with status 299 instead of 200.',
        'It sends no token_type; Bearer is assumed.'
      ]
    })
  })

  describe('a token', () => {
    const table: [string, string, string[]][] = [
      ['a bare token of 16 characters', 'abcdefghijklmno1', [bare]],
      ['a bare token as JSON', '"abcdefghijklmno1"', [bare]],
      ['a bare token surrounded by blanks', ' abcdefghijklmno1\r\n', [bare]],
      [
        'a form',
        'token_type=Bearer&expires_in=60&access_token=abcdefghijklmno1&refresh_token=x',
        [form]
      ],
      [
        'an empty token_type',
        '{"access_token":"abcdefghijklmno1","token_type":""}',
        ['It sends no token_type; Bearer is assumed.']
      ],
      [
        'the type BearerToken',
        '{"access_token":"abcdefghijklmno1","token_type":"BearerToken"}',
        ['Its token_type is "BearerToken"; the token is used as Bearer.']
      ],
      [
        'an object in a string',
        JSON.stringify('{"access_token":"abcdefghijklmno1","token_type":"Bearer"}'),
        ['It sends its JSON object as a JSON string.']
      ],
      [
        'other spellings',
        '{"Access_Token":"abcdefghijklmno1","tokenType":"Bearer","EXPIRES_IN":60}',
        [otherName]
      ],
      [
        'the right spelling next to another',
        '{"accessToken":"x","access_token":"abcdefghijklmno1","token_type":"Bearer"}',
        []
      ],
      [
        'a form in other spellings',
        'accessToken=abcdefghijklmno1&tokenType=bearer',
        [form, otherName]
      ],
      [
        'the value of a header',
        '{"access_token":"bearer  abcdefghijklmno1","token_type":"Bearer"}',
        ['Its access_token begins with "Bearer", which is left out.']
      ],
      [
        'a type with blanks',
        '{"access_token":"abcdefghijklmno1","token_type":" Bearer\\n"}',
        ['Its token_type has blanks around it.']
      ],
      [
        'unusable members',
        '{"access_token":"abcdefghijklmno1","token_type":"Bearer","expires_in":"soon","scope":7,"refresh_token":"","id_token":{}}',
        [
          'Its refresh_token is not a string and is ignored.',
          'Its id_token is not a string and is ignored.',
          'Its expires_in is not a number of seconds; the default lifetime is used.',
          'Its scope is not a string and is ignored.'
        ]
      ]
    ]
    for (const [name, body, quirks] of table) {
      it(`in ${name}`, () => {
        const answer = readTokenAnswer(200, json, body)
        assert.equal(answer.kind, 'granted')
        assert.equal(answer.token.access_token, 'abcdefghijklmno1')
        assert.deepEqual(answer.quirks, quirks)
      })
    }
  })

  it('accepts bare tokens of every kind', () => {
    for (const token of [
      'f3Kq9ZtWb0LmX7sRy2Vd',
      'qhUBZkeyLrWAFbcnVtoMpS',
      '2ad8c4a1f09b7be6d35c',
      '9dc693e8-0d9b-4694-80d7-afe00e743931',
      'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl',
      '00Dx0000000BV7z!AR8AQP0jITN80ESEsj5EbaZTFG0RNBaT',
      // Letters only, but no words: one alone, more than 20, capitals in between, padding.
      'no-abcdefghijklmnopqrstu',
      'abcdefghijklmno-p',
      'abcdefghijklmnop-ABcd',
      'abcdefghijklmnop='
    ]) {
      const answer = readTokenAnswer(200, 'text/plain', token)
      assert.equal(answer.kind === 'granted' && answer.token.access_token, token)
    }
  })

  it('accepts a type and a lifetime under other names, and the first of two tokens', () => {
    const answer = readTokenAnswer(
      200,
      json,
      '{"accessToken":"a","AccessToken":"b","TokenType":"bearer","expiresIn":60,"Scope":"s"}'
    )
    assert.deepEqual(answer, {
      kind: 'granted',
      token: { access_token: 'a', token_type: 'Bearer', expires_in: 60, scope: 's' },
      quirks: [otherName]
    })
  })

  it('accepts a DPoP token whatever the case of its type and the blanks around it', () => {
    for (const type of ['DPoP', 'dpop', ' DPoP\\n']) {
      const body = `{"access_token":"abc","token_type":"${type}"}`
      assert.equal(readTokenAnswer(200, json, body, 'DPoP').kind, 'granted', type)
    }
  })

  it('accepts every character that a bare token may have, and a plus in a form', () => {
    for (const [body, token] of [
      ['00Dx!AQEA-_.~+/q2w3==', '00Dx!AQEA-_.~+/q2w3=='],
      ['0123456789_words_joined', '0123456789_words_joined'],
      ['words_joined_0123456789', 'words_joined_0123456789'],
      ['access_token=aa+bb/cc%2B%3D=&token_type=bearer', 'aa+bb/cc+=='],
      ['access_token=Bearer+aa+bb&token_type=bearer', 'aa+bb']
    ] as const) {
      const answer = readTokenAnswer(200, 'text/plain', body)
      assert.equal(answer.kind, 'granted')
      assert.equal(answer.token.access_token, token)
    }
  })

  describe('a refusal', () => {
    const other = 'It sends an error with a content type other than JSON.'
    const table: [string, number, string, string, object][] = [
      [
        'as in RFC 6749',
        400,
        json,
        '{"error":"invalid_client","error_description":"who"}',
        { error: 'invalid_client', description: 'who', quirks: [] }
      ],
      [
        'with a content type of JSON with suffix and parameters',
        400,
        'Application/problem+JSON; charset=utf-8',
        '{"error":"x"}',
        { error: 'x', description: undefined, quirks: [] }
      ],
      [
        'with a content type that only looks like JSON',
        400,
        'application/jsonp',
        '{"error":"x"}',
        { error: 'x', description: undefined, quirks: [other] }
      ],
      [
        'with status 200',
        200,
        json,
        '{"error":"x"}',
        { error: 'x', description: undefined, quirks: ['It sends an error with status 200.'] }
      ],
      [
        'with a token too, in an error status',
        300,
        json,
        '{"error":"x","access_token":"abcdefghijklmno1"}',
        { error: 'x', description: undefined, quirks: [] }
      ],
      [
        'with an empty description and a message',
        400,
        json,
        '{"error":"x","error_description":"","message":"no"}',
        { error: 'x', description: 'no', quirks: [] }
      ],
      [
        'in other spellings',
        400,
        json,
        '{"Error":"x","errorDescription":"no"}',
        { error: 'x', description: 'no', quirks: [] }
      ],
      [
        'in the spellings of .NET',
        400,
        json,
        '{"ErrorCode":"E1","ErrorSummary":"no"}',
        { error: 'E1', description: 'no', quirks: [] }
      ],
      [
        'as only a message, in capitals',
        400,
        json,
        '{"Message":"no"}',
        { error: undefined, description: 'no', quirks: [] }
      ],
      [
        'by Okta',
        401,
        json,
        '{"errorCode":"E1","errorSummary":"no"}',
        { error: 'E1', description: 'no', quirks: [] }
      ],
      [
        'by Okta, with status 200',
        200,
        json,
        '{"errorCode":"E1","errorSummary":"no"}',
        { error: 'E1', description: 'no', quirks: ['It sends an error with status 200.'] }
      ],
      [
        'as an object with a code',
        400,
        json,
        '{"error":{"code":"c","status":"s","message":"m"}}',
        { error: 'c', description: 'm', quirks: [] }
      ],
      [
        'as an object with a status',
        400,
        json,
        '{"error":{"code":7,"status":"s"},"message":"outer"}',
        { error: 's', description: 'outer', quirks: [] }
      ],
      [
        'as an object without known members',
        400,
        json,
        '{"error":{}}',
        { error: undefined, description: undefined, quirks: [] }
      ],
      [
        'as an empty string',
        400,
        json,
        '{"error":"","error_description":"d"}',
        { error: undefined, description: 'd', quirks: [] }
      ],
      [
        'as the message of a gateway',
        401,
        json,
        '{"statusCode":401,"message":"no key"}',
        { error: undefined, description: 'no key', quirks: [] }
      ],
      [
        'as a number with a message, with status 200',
        200,
        json,
        '{"error":401,"message":"client is locked"}',
        {
          error: undefined,
          description: 'client is locked',
          quirks: ['It sends an error with status 200.']
        }
      ],
      [
        'as a sentence',
        401,
        json,
        '{"error":"Invalid client credentials"}',
        { error: undefined, description: 'Invalid client credentials', quirks: [] }
      ],
      [
        'as a code with more after it',
        400,
        json,
        '{"error":"invalid_client: expired"}',
        { error: undefined, description: 'invalid_client: expired', quirks: [] }
      ],
      [
        'by Apigee',
        401,
        json,
        '{"ErrorCode":"invalid_client","Error":"ClientId is Invalid"}',
        { error: 'invalid_client', description: 'ClientId is Invalid', quirks: [] }
      ],
      [
        'in a JSON string, with status 200',
        200,
        json,
        JSON.stringify('{"error":"invalid_client"}'),
        {
          error: 'invalid_client',
          description: undefined,
          quirks: [
            'It sends its JSON object as a JSON string.',
            'It sends an error with status 200.'
          ]
        }
      ],
      [
        'in a form',
        400,
        'text/plain',
        'error=x&error_description=a+b',
        { error: 'x', description: 'a b', quirks: [form, other] }
      ],
      ['without a body', 500, '', '', { error: undefined, description: undefined, quirks: [] }],
      [
        'with a status below 200',
        199,
        json,
        '{"access_token":"abcdefghijklmno1"}',
        { error: undefined, description: undefined, quirks: [] }
      ]
    ]
    for (const [name, status, contentType, body, expected] of table) {
      it(name, () => {
        const answer = readTokenAnswer(status, contentType, body)
        assert.deepEqual(answer, { kind: 'refused', ...expected })
      })
    }
  })

  describe('an unusable answer', () => {
    const table: [string, string, string, string][] = [
      ['nothing', json, ' \r\n', 'empty'],
      ['only a byte order mark', json, '\ufeff', 'empty'],
      ['a page', json, '<html>', 'html'],
      ['a long page without a space', json, '<html><body>nothing', 'html'],
      ['words with the content type of a page', 'text/HTML; charset=utf-8', 'log in', 'html'],
      ['a word', json, 'OK', 'not-json'],
      ['a token of 15 characters', json, 'abcdefghijklm15', 'not-json'],
      ['a token of 15 characters as JSON', json, '"abcdefghijklm15"', 'not-json'],
      ['words', json, 'there is no token here', 'not-json'],
      ['broken JSON', json, '{"access_token":"abcdefghijklmno1', 'not-json'],
      ['a broken list', json, '["abcdefghijklmno1', 'not-json'],
      ['a broken string', json, '"abcdefghijklmno1', 'not-json'],
      ['an error code', json, 'invalid_credentials', 'not-json'],
      ['an error code as JSON', json, '"Invalid_Client_Credentials"', 'not-json'],
      ['an error in joined words', 'text/plain', 'ServiceUnavailable', 'not-json'],
      ['an error in joined words as JSON', json, '"InvalidClientCredentials"', 'not-json'],
      ['an error with hyphens', 'text/plain', 'site-under-maintenance', 'not-json'],
      ['an error in capitals', 'text/plain', 'SERVICE-UNAVAILABLE!', 'not-json'],
      ['an error with dots', 'text/plain', '~Service.Temporarily/Unavailable', 'not-json'],
      ['words of 2 and 20 letters', json, 'no-abcdefghijklmnopqrst', 'not-json'],
      ['nothing but marks', json, '----------------', 'not-json'],
      ['a JavaScript call', json, 'callback({"access_token":"x"})', 'not-json'],
      ['a JavaScript call as JSON', json, '"callback(abcdefghijklmno1)"', 'not-json'],
      ['an address', json, 'https://login.example/', 'not-json'],
      ['text with = inside', json, 'abcdefgh=ijklmnop', 'not-json'],
      ['a message', json, '{"message":"welcome"}', 'no-token'],
      ['no error', json, '{"error":null,"message":"welcome"}', 'no-token'],
      ['an error of 0', json, '{"error":0}', 'no-token'],
      ['an error of false', json, '{"error":false,"message":"welcome"}', 'no-token'],
      ['an empty error', json, '{"error":"","message":"welcome"}', 'no-token'],
      ['a list as a string', json, '"[1,2,3,4,5,6,7,8,9]"', 'not-json'],
      ['a list', json, '[{"access_token":"x"}]', 'not-json'],
      ['null', json, 'null', 'not-json'],
      ['a number', json, '12345678901234567890', 'not-json'],
      ['a form without a token', json, 'a=1&b=2', 'not-json'],
      ['a form with a name that ends in access_token', json, 'a=1&my_access_token=2 3', 'not-json'],
      ['an object without a token', json, '{"a":1}', 'no-token'],
      ['an empty token', json, '{"access_token":""}', 'no-token'],
      ['a token of null', json, '{"access_token":null}', 'no-token'],
      ['a token with a space', json, '{"access_token":"a b"}', 'bad-token'],
      ['a token that ends with a line feed', json, '{"access_token":"a\\n"}', 'bad-token'],
      ['a token that begins with a space', json, '{"access_token":" a"}', 'bad-token'],
      ['a token beyond ASCII', json, '{"access_token":"é"}', 'bad-token'],
      ['a token that is a number', json, '{"access_token":7}', 'bad-token'],
      ['a bare token with a space', json, '"two words and more"', 'not-json'],
      ['another type', json, '{"access_token":"a","token_type":"DPoP"}', 'token-type'],
      ['a type that is a number', json, '{"access_token":"a","token_type":7}', 'token-type']
    ]
    for (const [name, contentType, body, what] of table) {
      it(name, () => {
        const answer = readTokenAnswer(200, contentType, body)
        assert.ok(answer.kind === 'unusable', JSON.stringify(answer))
        assert.equal(answer.what, what)
      })
    }
  })
})
