// A stand-in for Jenkins: the words of a declarative pipeline that docs/ci.md uses, and what becomes of the build.
//   groovy jenkins.groovy JENKINSFILE WORKSPACE
class Stopped extends RuntimeException { Stopped(String why) { super(why) } }

abstract class Words extends Script {
    static String result = 'SUCCESS'
    static File workspace

    def pipeline(Closure body) { body() }
    def agent(Closure body) { body() }
    def label(String name) { assert name }
    def options(Closure body) { body() }
    def timeout(Map within) { assert within.time > 0 && within.unit == 'MINUTES' }
    def disableConcurrentBuilds() {}
    def environment(Closure body) { body() }
    def stages(Closure body) { body() }
    def stage(String name, Closure body) { body() }
    def steps(Closure body) { body() }
    def script(Closure body) { body() }
    def post(Closure body) { body() }
    def always(Closure body) { body() }
    def unstable(String why) { println "unstable: $why"; if (result == 'SUCCESS') result = 'UNSTABLE' }
    def error(String why) { throw new Stopped(why) }
    def archiveArtifacts(Map what) {
        assert what.allowEmptyArchive
        def place = new File(workspace, what.artifacts - '/**')
        println "archived: ${place.isDirectory() ? place.list().sort().join(' ') : 'nothing'}"
    }
    def sh(String text) { def code = run(text); if (code) throw new Stopped("script returned exit code $code") }
    def sh(Map what) { assert what.returnStatus; run(what.script) }

    // As Jenkins runs a script without a first line of its own.
    int run(String text) {
        def file = File.createTempFile('step', '.sh', workspace.parentFile)
        file.text = text
        def builder = new ProcessBuilder('sh', '-xe', file.path).directory(workspace).inheritIO()
        binding.variables.findAll { it.key ==~ /[A-Z_]+/ }.each { builder.environment()[it.key] = it.value.toString() }
        builder.start().waitFor()
    }
}

Words.workspace = new File(args[1]).absoluteFile
def settings = new org.codehaus.groovy.control.CompilerConfiguration(scriptBaseClass: Words.name)
// `post` runs whatever the stages came to, so it is taken out of the text's order by running it behind them.
def text = new File(args[0]).text
def at = text.lastIndexOf('\n  post {')
assert at > 0
def parts = [text[0..<at] + '\n}', 'pipeline {' + text[at..-1]]
parts.each { part ->
    try {
        new GroovyShell(Words.classLoader, new Binding(), settings).evaluate(part)
    } catch (Stopped stopped) {
        println "error: $stopped.message"
        Words.result = 'FAILURE'
    }
}
println "result: $Words.result"
